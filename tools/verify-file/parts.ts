/** One part of verify.mjs: modules of some folders, and in which order they stand. */
export interface Part {
  readonly title: string;
  readonly why: string;
  readonly folders: readonly string[];
  /** Values of these modules are made of each other when the file is loaded: what is used comes first. */
  readonly calleesFirst: boolean;
}

/** In the order in which a stranger reads. A module that no part names, or two, is an error of the build. */
export const PARTS: readonly Part[] = [
  {
    title: 'What is checked, in which order',
    why: 'The command line, the list of checks, and each check.',
    folders: ['orchestrator/evidence/verify/'],
    calleesFirst: false,
  },
  {
    title: 'What the files must look like',
    why: 'Strict readers of JSON values, and the shape of manifest, statements, archive record and receipt.',
    folders: ['executor/protocol/', 'orchestrator/evidence/format/'],
    calleesFirst: true,
  },
  {
    title: 'Keys and signatures',
    why: 'Public keys in their one form, and DSSE envelopes over ed25519.',
    folders: ['orchestrator/evidence/keys/'],
    calleesFirst: true,
  },
  {
    title: 'Timestamps',
    why: 'Needed only for a bundle that has one: a strict reader of DER, certificates and their path, the RFC 3161 token.',
    folders: ['orchestrator/evidence/timestamp/'],
    calleesFirst: true,
  },
  {
    title: 'Reading the folder',
    why: 'Names, plain files, canonical JSON, and one pass over each file that hashes it and cuts it into lines.',
    folders: [
      'orchestrator/evidence/folder.ts',
      'orchestrator/evidence/scan.ts',
      'orchestrator/evidence/read-canonical.ts',
    ],
    calleesFirst: true,
  },
  {
    title: 'What the witnesses say',
    why: 'Each stream is read record by record, the streams are compared, and what speaks against completeness is found anew.',
    folders: ['orchestrator/evidence/capture/', 'orchestrator/evidence/witness/'],
    calleesFirst: true,
  },
];
