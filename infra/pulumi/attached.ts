/** Providers that run already, from PULUMI_DEBUG_PROVIDERS; both engines attach to them. */
export { attachedProviders } from '../engine/provider/attached.ts';
