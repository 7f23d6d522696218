import { EngineError } from '../errors.ts';

/** The addresses of running providers by package: those given, then `name:port,name2:port2` as in PULUMI_DEBUG_PROVIDERS. */
export function attachedProviders(
  given: Readonly<Record<string, string>>,
  variable: string | undefined,
): ReadonlyMap<string, string> {
  const addresses = new Map(Object.entries(given));
  for (const entry of (variable ?? '').split(',').map((text) => text.trim())) {
    if (entry === '') continue;
    const match = /^([A-Za-z0-9_-]+):(\d{1,5})$/.exec(entry);
    if (!match)
      throw new EngineError('refused', `expected NAME:PORT in PULUMI_DEBUG_PROVIDERS, got ${JSON.stringify(entry)}`);
    const [, name = '', port = ''] = match;
    addresses.set(name, `127.0.0.1:${port}`);
  }
  return addresses;
}
