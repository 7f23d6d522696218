// The policy pack for the pulumi binary: `pulumi up --policy-pack policies/crossguard/pack`. CommonJS, because the binary loads packs with
// require; the rules are loaded by Node itself, which strips their types.
const { PolicyPack } = require('@pulumi/policy');

import('../index.ts').then(({ RULES }) => {
  new PolicyPack('burnbag', {
    policies: RULES.map(({ name, why, types, check }) => ({
      name,
      description: why,
      enforcementLevel: 'mandatory',
      validateResource: ({ type, name: resource, props }, reportViolation) => {
        if (!types.includes(type)) return;
        const what = check({ type, name: resource, props });
        if (what !== undefined) reportViolation(what);
      },
    })),
  });
});
