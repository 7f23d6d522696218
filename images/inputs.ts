import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { sha256OfFile, sha256OfText } from './digest.ts';
import { ImageError } from './error.ts';

/** What an image is made from, as digests. Equal inputs and equal Debian packages give equal bytes. */
export interface ImageInputs {
  /** Over the recipe's scripts and lists and the guest's files, names included. */
  readonly recipe: string;
  /** Of the agent-exec executable. */
  readonly agent: string;
}

/** Reads the digests of everything this checkout puts into an image. */
export async function readInputs(agentFile: string): Promise<ImageInputs> {
  const agent = await sha256OfFile(agentFile).catch((cause: unknown) => {
    const got = (cause as Error).message;
    throw new ImageError(
      'agent_missing',
      {
        expected: `the agent-exec executable at ${agentFile}`,
        got,
        hint: 'build the executor first: `burnbag setup` does',
      },
      { cause },
    );
  });
  return { recipe: await digestOfRecipe(), agent };
}

/** Where the recipe lies: the folder of this file. */
export const RECIPE_ROOT = import.meta.dirname;

async function digestOfRecipe(): Promise<string> {
  const files = await Promise.all(['recipe', 'guest'].map((folder) => filesBelow(join(RECIPE_ROOT, folder))));
  const lines = await Promise.all(
    files
      .flat()
      .sort()
      .map(async (file) => `${await sha256OfFile(file)}  ${relative(RECIPE_ROOT, file)}\n`),
  );
  return sha256OfText(lines.join(''));
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
