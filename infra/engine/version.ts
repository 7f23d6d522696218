/** The version of Pulumi whose engine this one behaves like; the SDK chooses its ways by it. */
export const ENGINE_VERSION = '3.270.0';
