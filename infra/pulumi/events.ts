import type { EngineEvent as PulumiEvent } from '@pulumi/pulumi/automation/index.js';
import type { Diagnostic } from './errors.ts';

/** Pulumi's EngineEvent as plain JSON. */
export type EngineEvent = Readonly<Record<string, unknown>>;

/** Passes events on and keeps the error diagnostics among them. */
export function watchEvents(onEvent: (event: EngineEvent) => void): {
  readonly errors: readonly Diagnostic[];
  readonly take: (event: PulumiEvent) => void;
} {
  const errors: Diagnostic[] = [];
  return {
    errors,
    take: (event) => {
      const diagnostic = event.diagnosticEvent;
      if (diagnostic?.severity === 'error')
        errors.push({ urn: diagnostic.urn ?? '', message: stripColours(diagnostic.message).trim() });
      onEvent(event as unknown as EngineEvent);
    },
  };
}

/** Removes the colour tags the real engine leaves in messages: `<{%reset%}>`. */
function stripColours(text: string): string {
  return text.replaceAll(/<\{%.*?%\}>/g, '');
}
