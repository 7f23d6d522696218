/** `urn:pulumi:<stack>::<project>::<qualified type>::<name>`; a name may itself contain `::`. */
export interface UrnParts {
  readonly stack: string;
  readonly project: string;
  readonly qualifiedType: string;
  readonly name: string;
}

export const STACK_TYPE = 'pulumi:pulumi:Stack';
const PROVIDER_PREFIX = 'pulumi:providers:';

/** Makes the URN of a resource; children of the root stack (or of nothing) carry their type alone. */
export function makeUrn(
  stack: string,
  project: string,
  parent: string | undefined,
  type: string,
  name: string,
): string {
  const above = parent === undefined || parent === '' ? '' : parseUrn(parent).qualifiedType;
  const qualifiedType = above === '' || above === STACK_TYPE ? type : `${above}$${type}`;
  return `urn:pulumi:${stack}::${project}::${qualifiedType}::${name}`;
}

/** Splits a URN; throws RangeError on anything else. */
export function parseUrn(urn: string): UrnParts {
  const match = /^urn:pulumi:(.*?)::(.*?)::(.*?)::(.*)$/s.exec(urn);
  if (!match)
    throw new RangeError(`expected a URN (urn:pulumi:STACK::PROJECT::TYPE::NAME), got ${JSON.stringify(urn)}`);
  const [, stack = '', project = '', qualifiedType = '', name = ''] = match;
  return { stack, project, qualifiedType, name };
}

/** The resource's own type, without its parents'. */
export function typeOf(urn: string): string {
  const { qualifiedType } = parseUrn(urn);
  return qualifiedType.slice(qualifiedType.lastIndexOf('$') + 1);
}

/** The package of a type token: `burnbag` of `burnbag:local:Machine`, `aws` of `pulumi:providers:aws`. */
export function packageOf(type: string): string {
  return isProviderType(type) ? type.slice(PROVIDER_PREFIX.length) : (type.split(':', 1)[0] ?? '');
}

/** True for types whose create, update and delete the engine does itself. */
export function isProviderType(type: string): boolean {
  return type.startsWith(PROVIDER_PREFIX);
}

/** The type of the provider resource that serves a package. */
export function providerTypeOf(packageName: string): string {
  return PROVIDER_PREFIX + packageName;
}

/** Splits a provider reference `URN::ID` at its last `::`; throws RangeError if the URN is no provider's. */
export function parseReference(reference: string): { readonly urn: string; readonly id: string } {
  const at = reference.lastIndexOf('::');
  const urn = reference.slice(0, Math.max(at, 0));
  if (at < 0 || !isProviderType(typeOf(urn))) {
    throw new RangeError(`expected a provider reference (URN::ID), got ${JSON.stringify(reference)}`);
  }
  return { urn, id: reference.slice(at + 2) };
}
