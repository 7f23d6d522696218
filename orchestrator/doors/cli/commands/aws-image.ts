import type { Command } from 'commander';
import { escapeInline } from '../../../terminal/index.ts';
import type { ArgsOf, ResultOf } from '../door.ts';
import { call, type Door } from './command.ts';

/** Adds `burnbag aws image`. */
export function addImage(parent: Command, door: Door): void {
  const image = parent.command('image').description('what sandboxes on EC2 start from');
  const run = async (args: ArgsOf<'aws_image'>): Promise<void> => {
    door.console.print(await call(door, 'aws_image', args), render);
  };
  image
    .command('publish')
    .description('make a disk of the sandbox image, with the CA and the relay baked in, and register it as an AMI')
    .option('--profile <name>', 'with the tunnels of that profile baked in, which runs of it start from')
    .action(({ profile }: { profile?: string }) => run({ what: 'publish', ...(profile !== undefined && { profile }) }));
  image
    .command('list')
    .description('list what this installation published')
    .action(() => run({ what: 'list' }));
  image
    .command('retire')
    .argument('<id>', 'an image, or a snapshot that no image is made of')
    .option('--in-use', 'also the one that runs start from')
    .description('deregister an image and delete its snapshot')
    .action((id: string, { inUse }: { inUse?: true }) => run({ what: 'retire', id, in_use: inUse === true }));
}

function render(summary: ResultOf<'aws_image'>): readonly string[] {
  switch (summary.did) {
    case 'published': {
      const sent = summary.blocks === 0 ? 'it was there already' : `${summary.blocks} blocks sent`;
      const image = `image ${summary.image_digest.slice(0, 12)}`;
      return [escapeInline(`${summary.id}: ${sent}. ${runsOf(summary)} start from it (${image}).`)];
    }
    case 'listed':
      return listed(summary);
    case 'retired':
      return [escapeInline(`Gone: ${summary.gone.join(', ')}.`)];
  }
}

function listed({ images, unfinished }: Extract<ResultOf<'aws_image'>, { did: 'listed' }>): readonly string[] {
  if (images.length + unfinished.length === 0) return ['This installation has published no image.'];
  return [
    ...images.map((image) => {
      const note = image.in_use ? `${runsOf(image)} start from it` : (image.misfit ?? 'fits');
      return `${image.id}  ${image.created_at}  ${image.image_digest.slice(0, 12)}  ${image.state}  ${note}`;
    }),
    ...unfinished.map(({ id, state, since }) => `${id}  ${since}  snapshot without an image, ${state}`),
  ].map(escapeInline);
}

function runsOf({ tunnels }: { readonly tunnels: readonly string[] }): string {
  return tunnels.length === 0 ? 'Runs without tunnels' : `Runs with tunnels to ${tunnels.join(' ')}`;
}
