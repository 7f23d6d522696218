import type { ActionRequest } from '../../protocol/action.ts';

/** What a request wants, in the dimensions that grants and the catalogue limit. */
export interface Measure {
  readonly path?: string;
  readonly sha256?: string;
  readonly bytes?: number;
  readonly seconds?: number;
  readonly lines?: number;
}

/** What a request is about, by action. */
export function measureOf(request: ActionRequest): Measure {
  switch (request.action) {
    case 'put_file':
      return { path: request.args.path, bytes: decodedLength(request.args.content_base64) };
    case 'run_script':
      return { sha256: request.args.sha256, seconds: request.args.timeout_seconds };
    case 'list_files':
      return { path: request.args.path };
    case 'get_file':
      return { path: request.args.path, bytes: request.args.offset + request.args.length };
    case 'read_file':
      return { path: request.args.path, bytes: request.args.max_bytes };
    case 'tail_log':
      return { path: request.args.path, lines: request.args.lines };
    case 'check_health':
    case 'list_processes':
      return {};
  }
}

function decodedLength(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}
