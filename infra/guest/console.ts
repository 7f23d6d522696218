/** What the guest's init says on its serial console. Anything else there is noise. */
export type ConsoleMessage =
  | { readonly kind: 'ready'; readonly machineId: string; readonly uptimeSeconds: number; readonly hostKey: string }
  | { readonly kind: 'failed'; readonly step: string }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'malformed'; readonly line: string };

/**
 * Reads one line of the console; undefined when it is none of ours. A line that begins as ours and does not follow the form is
 * `malformed`, never guessed at: the host key pinned from it is all that stands between the relay and an impostor.
 */
export function parseConsoleLine(line: string): ConsoleMessage | undefined {
  const text = line.replace(/\r+$/, '');
  if (!text.startsWith('BURNBAG ')) return undefined;
  if (text === 'BURNBAG DEADLINE') return { kind: 'deadline' };
  const failed = /^BURNBAG FAILED ([\x20-\x7e]{1,200})$/.exec(text)?.[1];
  if (failed !== undefined) return { kind: 'failed', step: failed };
  return parseReady(text) ?? { kind: 'malformed', line: text };
}

/** Makes bytes from a guest fit for an error message: control characters are shown, never sent. */
export function escapeText(text: string): string {
  return text.replace(/[^\x20-\x7e\n]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** A machine id is a UUID or an instance id. */
const READY =
  /^BURNBAG READY machine=([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|i-[0-9a-f]{8,17}) uptime=([0-9]{1,7}\.[0-9]{1,2}) hostkey=ssh-ed25519 ([A-Za-z0-9+/]{68})$/;

function parseReady(text: string): ConsoleMessage | undefined {
  const [, machineId, uptime, blob] = READY.exec(text) ?? [];
  if (machineId === undefined || uptime === undefined || blob === undefined || !isEd25519Blob(blob)) return undefined;
  return { kind: 'ready', machineId, uptimeSeconds: Number(uptime), hostKey: `ssh-ed25519 ${blob}` };
}

/** RFC 8709: string "ssh-ed25519", then a string of 32 bytes, and nothing after it. */
function isEd25519Blob(blob: string): boolean {
  const bytes = Buffer.from(blob, 'base64');
  return (
    bytes.length === KEY_HEADER.length + 32 &&
    bytes.subarray(0, KEY_HEADER.length).equals(KEY_HEADER) &&
    bytes.toString('base64') === blob
  );
}

const KEY_HEADER = Buffer.from('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1');
