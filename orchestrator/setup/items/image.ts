import { rethrowImageError } from '../image-error.ts';
import type { Check, SetupContext, SetupItem } from '../item.ts';
import { agentFile } from './agent.ts';

/** The sandbox image: Debian packages, the guest's files and the agent. */
export const image: SetupItem = {
  name: 'image',
  why: 'what sandboxes boot',
  needs: ['data-directory', 'image-tools', 'agent'],
  expectedSeconds: 75,
  deadlineSeconds: 1200,
  check,
  fix,
};

async function check({ home }: SetupContext): Promise<Check> {
  const { currentImage, checkFiles, ImageError } = await import('../../../images/build.ts');
  const { readInputs } = await import('../../../images/inputs.ts');
  const whatToDo = './burnbag setup';
  try {
    const [current, inputs] = [await currentImage(home), await readInputs(agentFile(home))];
    if (current.builtFrom.recipe !== inputs.recipe || current.builtFrom.agent !== inputs.agent)
      return { state: 'missing', what: 'an image from the present recipe and agent', whatToDo };
    await checkFiles(current);
    const details = { digest: current.digest, suite: current.builtFrom.suite, ...current.files };
    return { state: 'ok', what: `Debian ${current.builtFrom.suite}, ${current.digest.slice(0, 12)}`, details };
  } catch (error) {
    if (error instanceof ImageError)
      return { state: 'missing', what: `${error.expected} (got ${error.got})`, whatToDo };
    throw error;
  }
}

async function fix(context: SetupContext): Promise<void> {
  const { buildImage } = await import('../../../images/build.ts');
  const { home, env, signal, progress } = context;
  await buildImage({ home, agentFile: agentFile(home), env, signal, onProgress: progress }).catch(rethrowImageError);
}
