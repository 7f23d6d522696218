import type { Props } from '../../support/provider.ts';
import type { Monitor, RawProgram, RawResource } from './raw-program.ts';
import type { NodeSpec } from './recovery-spec.ts';

/** A secret input's value; nothing on disk may hold it. */
export const HUNTER = 'hunter2';

const SECRET = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', value: HUNTER };

/** A resource, or nothing where the engine would not have it. */
type Made = RawResource | undefined;

/** One variant of the program: each resource is registered as soon as all that it needs is there. `learned` is told every id the program is given. */
export function programOf(nodes: readonly NodeSpec[], variant: 0 | 1, learned: (id: string) => void): RawProgram {
  return async (monitor) => {
    const stack = await monitor.register({ type: 'pulumi:pulumi:Stack', name: 'bb' });
    const provider = await monitor.register({
      type: 'pulumi:providers:bag',
      name: 'p',
      custom: true,
      parent: stack.urn,
    });
    const reference = `${provider.urn}::${provider.id}`;
    const room = await monitor.register({
      type: 'bag:index:Room',
      name: 'room',
      parent: stack.urn,
      providers: { bag: reference },
    });
    const place = { learned, monitor, stack: stack.urn, room: room.urn, provider: reference };
    const made: Promise<Made>[] = [];
    for (const [at, node] of nodes.entries()) {
      const wanted = new Set(node.needs.map((index) => index % Math.max(at, 1)));
      const needed = made.filter((_, index) => wanted.has(index));
      made.push(
        node.present[variant] ? registerNode(place, node, `n${at}`, variant, needed) : Promise.resolve(undefined),
      );
    }
    await Promise.all(made);
    await monitor.outputs(room.urn, { nodes: nodes.length });
  };
}

interface Place {
  readonly learned: (id: string) => void;
  readonly monitor: Monitor;
  readonly stack: string;
  readonly room: string;
  readonly provider: string;
}

/** As in the SDK, a resource whose registration got no answer is no error of the program; what needs it is never registered. */
async function registerNode(
  { learned, monitor, stack, room, provider }: Place,
  node: NodeSpec,
  name: string,
  variant: 0 | 1,
  needed: readonly Promise<Made>[],
): Promise<Made> {
  const needs = (await Promise.all(needed)).filter((one) => one !== undefined);
  if (needs.length < needed.length) return undefined;
  const [owner] = node.goesWith ? needs : [];
  const inputs: Props = {
    size: node.sizes[variant],
    colour: node.colours[variant],
    of: needs.map(({ id }) => id),
    replaceOn: node.replacedWithNeeds ? ['size', 'of', 'with'] : ['size', 'with'],
    deleteFirst: node.deleteFirst,
    ...(owner === undefined ? {} : { with: owner.id }),
    ...(node.secret ? { password: SECRET } : {}),
  };
  const goal = {
    type: 'bag:index:Box',
    name,
    custom: true,
    inputs,
    needs: { of: needs.map(({ urn }) => urn), ...(owner === undefined ? {} : { with: [owner.urn] }) },
    ...(owner === undefined ? {} : { deletedWith: owner.urn }),
    ...(node.inRoom ? { parent: room } : { parent: stack, provider }),
  };
  const made = await monitor.register(goal).catch(() => undefined);
  if (made?.exists === true) learned(made.id);
  return made;
}
