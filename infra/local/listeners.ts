import { readdir, readFile, readlink } from 'node:fs/promises';
import { lookUp, type Process } from './processes.ts';

/** The process that listens on a TCP port of this host, on any IPv4 address; undefined when nobody does. Throws when it cannot tell who. */
export async function findListener(port: number): Promise<Process | undefined> {
  const inodes = listeningInodes(await readFile('/proc/net/tcp', 'utf8'), port);
  for (const inode of inodes) {
    const holder = await findHolder(`socket:[${inode}]`);
    if (holder !== undefined) return holder;
  }
  // It may have closed while we looked; then there is no listener, else we may not see whose it is.
  const still = listeningInodes(await readFile('/proc/net/tcp', 'utf8'), port);
  if (still.length === 0) return undefined;
  throw new Error(`port ${port} has a listener whose process cannot be seen`);
}

/** Inodes of the sockets that listen on a port, from the text of /proc/net/tcp (proc(5)): addresses in hexadecimal, state 0A. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === '0A')
    .map((fields) => fields[9] ?? '');
}

async function findHolder(target: string): Promise<Process | undefined> {
  for (const pid of (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))) {
    if (await holds(pid, target)) return lookUp(Number(pid));
  }
  return undefined;
}

/** Processes of other users cannot be looked into and are passed over; findListener says so if nobody else turns up. */
async function holds(pid: string, target: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if ((await readlink(`${folder}/${name}`).catch(() => '')) === target) return true;
  }
  return false;
}
