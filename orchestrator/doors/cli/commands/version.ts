import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { AddCommand } from './command.ts';

export const version: AddCommand = (program, { environment, console }) => {
  program
    .command('version')
    .description('print the versions of Burnbag and of what it runs on')
    .action(async () => {
      const text = await readFile(join(environment.root, 'package.json'), 'utf8');
      const { version: burnbag } = z.object({ version: z.string() }).parse(JSON.parse(text));
      const result = { schema: 'burnbag.version/1', burnbag, node: process.versions.node } as const;
      console.print(result, () => [`burnbag ${burnbag} (Node ${process.versions.node})`]);
    });
};
