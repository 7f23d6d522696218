import { block, expect, firstOf, type Properties, type Rule } from '../rule.ts';

/** What everything that can be tagged at creation must carry. */
const TAGGED = [
  'aws:ec2/instance:Instance',
  'aws:ec2/networkInterface:NetworkInterface',
  'aws:ec2/securityGroup:SecurityGroup',
  'aws:ec2/subnet:Subnet',
  'aws:ec2/vpc:Vpc',
  'aws:kms/key:Key',
  'aws:s3/bucket:Bucket',
  'aws:iam/role:Role',
];
const POLICIES = ['aws:iam/policy:Policy', 'aws:iam/rolePolicy:RolePolicy', 'aws:iam/userPolicy:UserPolicy'];

/** Whose something is, and what may act on it. */
export const OWNERSHIP_RULES: readonly Rule[] = [
  {
    name: 'tags',
    why: 'what carries no tag is found by nobody, and no permission of ours reaches it',
    types: TAGGED,
    check: ({ type, props }) => {
      const complaint = tagsOf(block(props['tags']));
      if (complaint !== undefined || type !== 'aws:ec2/instance:Instance') return complaint;
      return tagsOf(block(props['volumeTags']));
    },
  },
  {
    name: 'least-privilege',
    why: 'a policy that allows everything makes every other rule a matter of good will',
    types: POLICIES,
    check: ({ props }) => {
      const { policy } = props;
      if (typeof policy !== 'string') return undefined;
      const { Statement: statements } = JSON.parse(policy) as { readonly Statement: readonly Properties[] };
      return firstOf(...statements.filter(({ Effect }) => Effect === 'Allow').map(tooWide));
    },
  },
];

function tagsOf(tags: Properties): string | undefined {
  const role = tags['burnbag:role'];
  const needed = ['burnbag:installation', ...(role === 'sandbox' ? ['burnbag:run', 'burnbag:deadline'] : [])];
  return firstOf(
    expect(role === 'sandbox' || role === 'foundation', 'the tag burnbag:role, sandbox or foundation', role),
    ...needed.map((key) => expect(typeof tags[key] === 'string', `the tag ${key}`, tags[key])),
  );
}

/** `*` is no action, and neither is all of a service. */
function tooWide({ Action: action, NotAction: notAction }: Properties): string | undefined {
  const actions = [action ?? []].flat().map(String);
  return firstOf(
    expect(notAction === undefined, 'actions by name', notAction),
    expect(!actions.some((name) => name === '*' || name.endsWith(':*')), 'actions by name', actions),
  );
}
