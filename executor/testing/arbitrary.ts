import fc from 'fast-check';

/** Text of any UTF-16 code units, lone surrogates and controls included. */
export function anyText(maxLength: number): fc.Arbitrary<string> {
  const unit = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 0x9f }));
  return fc.array(unit, { maxLength }).map((units) => String.fromCharCode(...units));
}
