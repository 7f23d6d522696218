import type { Verification } from '../verify/verify-bundle.ts';

/** A bundle that was verified far enough to be read: its manifest is what was signed. */
export type Readable = Verification & Required<Pick<Verification, 'manifest' | 'evidenceRoot'>>;
