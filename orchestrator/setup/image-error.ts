import type { ImageError } from '../../images/build.ts';
import { SetupError } from './errors.ts';

/** Throws what a build of an image ended with in setup's words; anything else as it came. */
export function rethrowImageError(cause: unknown): never {
  if (!isImageError(cause)) throw cause;
  const { expected, got, hint } = cause;
  const code = cause.code === 'cancelled' ? 'cancelled' : 'image_build_failed';
  throw new SetupError(code, { expected, got, hint }, { cause });
}

/** By its name: the builder is loaded only where something is built. */
function isImageError(cause: unknown): cause is ImageError {
  return cause instanceof Error && cause.name === 'ImageError';
}
