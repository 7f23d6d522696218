import type { SetupItem } from '../item.ts';
import { agent } from './agent.ts';
import { archiveServer } from './archive-server.ts';
import { dataDirectory } from './data-directory.ts';
import { image } from './image.ts';
import { isolation } from './isolation.ts';
import { imageTools, qemu } from './programs.ts';

/** Everything a run needs on this machine; an item stands below what it needs. The image's tools come first: it takes longest to build. */
export const SETUP_ITEMS: readonly SetupItem[] = [
  dataDirectory,
  imageTools,
  qemu,
  agent,
  archiveServer,
  image,
  isolation,
];
