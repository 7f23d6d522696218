/** One end of the wire: a network card and its only address. */
export interface End {
  readonly mac: Buffer;
  readonly ip: Buffer;
}

/** The guest's end. The image gives itself this address; QEMU is told the card's (machine/arguments.ts). */
export const GUEST: End = { mac: Buffer.from('525400123456', 'hex'), ip: Buffer.from([10, 0, 2, 15]) };

/** The relay's end, where the image's firewall and the certificate's source-address expect it. */
export const RELAY: End = { mac: Buffer.from('52550a000202', 'hex'), ip: Buffer.from([10, 0, 2, 2]) };

/** The only port of the guest that is ever asked for. */
export const SSH_PORT = 22;
