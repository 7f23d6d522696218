import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EngineError, refuse } from '../errors.ts';
import { backendRoot, stackFiles } from '../backend/layout.ts';
import type { StackFiles } from '../backend/layout.ts';
import { readSettings, writeSettings } from './yaml.ts';

const projectSchema = z.looseObject({
  name: z.string(),
  backend: z.looseObject({ url: z.string().optional() }).optional(),
});

const configValue = z.union([z.string(), z.number(), z.boolean(), z.strictObject({ secure: z.string() }), z.json()]);

const stackSettingsSchema = z
  .looseObject({
    config: z.record(z.string(), configValue).optional(),
    secretsprovider: z.string().optional(),
    encryptionsalt: z.string().optional(),
    environment: z.unknown().optional(),
  })
  .nullish();

export type StackSettings = NonNullable<z.infer<typeof stackSettingsSchema>>;

/** What a `pulumi` call finds around itself: environment, project file, stack settings. */
export interface Workspace {
  readonly cwd: string;
  readonly project: string;
  readonly backendUrl: string;
  readonly root: string;
  files(stack: string): StackFiles;
  /** Looks in the call's environment, then in the process's. */
  variable(name: string): string | undefined;
  /** The passphrase of the state's secrets; undefined if none is set. An empty one counts. */
  passphrase(): Promise<string | undefined>;
  settings(stack: string): Promise<StackSettings>;
  saveSettings(stack: string, settings: StackSettings): Promise<void>;
  removeSettings(stack: string): Promise<void>;
}

/** Reads Pulumi.yaml of the working folder and finds the backend. `configFile` replaces Pulumi.STACK.yaml. */
export async function openWorkspace(
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
  configFile?: string,
): Promise<Workspace> {
  const variable = (name: string): string | undefined => env[name] ?? process.env[name];
  const project = parse(projectSchema, await readFirst(cwd, 'Pulumi'), join(cwd, 'Pulumi.yaml'));
  const backendUrl = variable('PULUMI_BACKEND_URL') ?? project.backend?.url;
  if (backendUrl === undefined)
    throw new EngineError(
      'bad_workspace',
      'error: expected PULUMI_BACKEND_URL or backend.url in Pulumi.yaml, got neither',
    );
  const root = backendRoot(backendUrl, cwd);
  const settingsPath = (stack: string): string => configFile ?? join(cwd, `Pulumi.${stack}.yaml`);
  return {
    cwd,
    project: project.name,
    backendUrl,
    root,
    variable,
    files: (stack) => stackFiles(root, project.name, stack),
    passphrase: () => readPassphrase(variable),
    settings: async (stack) => readStackSettings(settingsPath(stack)),
    saveSettings: (stack, settings) => writeSettings(settingsPath(stack), settings),
    removeSettings: (stack) => rm(settingsPath(stack), { force: true }),
  };
}

async function readPassphrase(variable: (name: string) => string | undefined): Promise<string | undefined> {
  const given = variable('PULUMI_CONFIG_PASSPHRASE');
  const file = variable('PULUMI_CONFIG_PASSPHRASE_FILE');
  return given ?? (file === undefined ? undefined : (await readFile(file, 'utf8')).trim());
}

async function readStackSettings(path: string): Promise<StackSettings> {
  const settings = parse(stackSettingsSchema, await readSettings(path), path) ?? {};
  if (settings.environment !== undefined) refuse('ESC environments (environment in stack settings)');
  const provider = settings.secretsprovider;
  if (provider !== undefined && provider !== '' && provider !== 'passphrase') refuse(`secrets provider ${provider}`);
  return settings;
}

async function readFirst(cwd: string, name: string): Promise<unknown> {
  for (const extension of ['yaml', 'yml', 'json']) {
    const value = await readSettings(join(cwd, `${name}.${extension}`));
    if (value !== undefined) return value;
  }
  throw new EngineError('bad_workspace', `error: no Pulumi.yaml project file found in ${cwd}`);
}

function parse<T extends z.ZodType>(schema: T, value: unknown, path: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new EngineError('bad_workspace', `error: ${path}: ${issues}`);
}
