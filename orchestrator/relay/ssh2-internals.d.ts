/** The one function of ssh2 1.17.0 that certificate login needs and its types do not have. */
declare module 'ssh2/lib/protocol/utils.js' {
  const utils: { sendPacket(protocol: object, packet: Uint8Array): boolean };
  export default utils;
}
