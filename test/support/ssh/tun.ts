import type { Client } from 'ssh2';

/**
 * Asks for what ssh2 does not know: a channel to a network device of the other side (OpenSSH's PROTOCOL, 2.3). Its packet takes the place of a
 * forward's. Says how it was refused, or that the device was had.
 */
export function askForTun(client: Client): Promise<string> {
  const { write } = (client as unknown as { _protocol: { _packetRW: { write: PacketWriter } } })._protocol._packetRW;
  const finalize = write.finalize.bind(write);
  write.finalize = (packet, force) => {
    write.finalize = finalize;
    const own = packet.indexOf('direct-tcpip') + 'direct-tcpip'.length;
    const [name, tail] = [Buffer.from('\0\0\0\x0ftun@openssh.com', 'latin1'), Buffer.from('000000017fffffff', 'hex')];
    const payload = Buffer.concat([Buffer.from([90]), name, packet.subarray(own, own + 12), tail]);
    const made = write.alloc(payload.length);
    made.set(payload, write.allocStart);
    return finalize(made, force);
  };
  return new Promise((resolve) => {
    client.forwardOut('127.0.0.1', 0, '127.0.0.1', 1, (error) => {
      resolve(error === undefined ? HAD : error.message);
    });
  });
}

export const HAD = 'a network device';

interface PacketWriter {
  readonly allocStart: number;
  alloc(length: number): Buffer;
  finalize(packet: Buffer, force?: boolean): Buffer;
}
