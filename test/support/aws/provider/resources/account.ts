import {
  type BudgetType,
  type ComparisonOperator,
  CreateBudgetCommand,
  DeleteBudgetCommand,
  DescribeBudgetCommand,
  type ThresholdType,
  type TimeUnit,
} from '@aws-sdk/client-budgets';
import {
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DeletePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  GetPolicyCommand,
  GetRoleCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { call, unlessGone } from '../failure.ts';
import { count, list, text, texts } from '../inputs.ts';
import type { Properties } from '../../../../../infra/local/provider/resource.ts';
import type { Cloud, Kind } from '../kind.ts';
import { retagPolicy, retagRole } from '../retag.ts';
import { tagList } from '../tags.ts';

/** `aws:iam/policy:Policy`. */
export const policy: Kind = {
  takes: ['name', 'description', 'policy', 'tags.*'],
  replaces: ['name', 'description'],
  retag: retagPolicy,
  updates: ['policy'],
  update: async ({ iam }, PolicyArn, inputs) => {
    const request = new CreatePolicyVersionCommand({
      ...{ PolicyArn, PolicyDocument: text(inputs, 'policy'), SetAsDefault: true },
    });
    await call('updating IAM Policy', 'IAM', 'CreatePolicyVersion', () => iam.send(request));
    return inputs;
  },
  create: async ({ iam }, inputs) => {
    const request = new CreatePolicyCommand({
      PolicyName: text(inputs, 'name'),
      Description: text(inputs, 'description'),
      PolicyDocument: text(inputs, 'policy'),
      Tags: tagList(inputs['tags']),
    });
    const { Policy: made } = await call('creating IAM Policy', 'IAM', 'CreatePolicy', () => iam.send(request));
    return { id: made?.Arn ?? '', outputs: { ...inputs, arn: made?.Arn ?? '' } };
  },
  read: async ({ iam }, id, state) =>
    (await unlessGone(iam.send(new GetPolicyCommand({ PolicyArn: id })))) === undefined ? undefined : state,
  delete: async ({ iam }, id) => {
    await unlessGone(
      call('deleting IAM Policy', 'IAM', 'DeletePolicy', () => iam.send(new DeletePolicyCommand({ PolicyArn: id }))),
    );
  },
};

/** `aws:iam/role:Role`. */
export const role: Kind = {
  takes: ['name', 'assumeRolePolicy', 'permissionsBoundary', 'maxSessionDuration', 'tags.*'],
  replaces: ['name'],
  updates: ['assumeRolePolicy', 'maxSessionDuration', 'permissionsBoundary'],
  retag: retagRole,
  update: async ({ iam }, RoleName, inputs) => {
    const trust = { RoleName, PolicyDocument: text(inputs, 'assumeRolePolicy') };
    await call('updating IAM Role', 'IAM', 'UpdateAssumeRolePolicy', () =>
      iam.send(new UpdateAssumeRolePolicyCommand(trust)),
    );
    const session = { RoleName, MaxSessionDuration: count(inputs, 'maxSessionDuration') };
    await call('updating IAM Role', 'IAM', 'UpdateRole', () => iam.send(new UpdateRoleCommand(session)));
    const boundary = { RoleName, PermissionsBoundary: text(inputs, 'permissionsBoundary') };
    await call('updating IAM Role', 'IAM', 'PutRolePermissionsBoundary', () =>
      iam.send(new PutRolePermissionsBoundaryCommand(boundary)),
    );
    return inputs;
  },
  create: async ({ iam }, inputs) => {
    const request = new CreateRoleCommand({
      RoleName: text(inputs, 'name'),
      AssumeRolePolicyDocument: text(inputs, 'assumeRolePolicy'),
      PermissionsBoundary: text(inputs, 'permissionsBoundary'),
      MaxSessionDuration: count(inputs, 'maxSessionDuration'),
      Tags: tagList(inputs['tags']),
    });
    const { Role: made } = await call('creating IAM Role', 'IAM', 'CreateRole', () => iam.send(request));
    return { id: text(inputs, 'name'), outputs: { ...inputs, arn: made?.Arn ?? '' } };
  },
  read: async ({ iam }, id, state) =>
    (await unlessGone(iam.send(new GetRoleCommand({ RoleName: id })))) === undefined ? undefined : state,
  delete: async ({ iam }, id) => {
    await unlessGone(
      call('deleting IAM Role', 'IAM', 'DeleteRole', () => iam.send(new DeleteRoleCommand({ RoleName: id }))),
    );
  },
};

/** `aws:iam/rolePolicy:RolePolicy`. */
export const rolePolicy: Kind = {
  takes: ['name', 'role', 'policy'],
  replaces: ['name', 'role'],
  create: async (cloud, inputs) => ({ id: await putRolePolicy(cloud, inputs), outputs: inputs }),
  updates: ['policy'],
  update: async (cloud, _id, inputs) => {
    await putRolePolicy(cloud, inputs);
    return inputs;
  },
  read: (_cloud, _id, state) => Promise.resolve(state),
  delete: async ({ iam }, id) => {
    const [RoleName, PolicyName] = id.split(':');
    await unlessGone(
      call('deleting IAM Role Policy', 'IAM', 'DeleteRolePolicy', () =>
        iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })),
      ),
    );
  },
};

async function putRolePolicy({ iam }: Cloud, inputs: Properties): Promise<string> {
  const [RoleName, PolicyName] = [text(inputs, 'role'), text(inputs, 'name')];
  const request = new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: text(inputs, 'policy') });
  await call('putting IAM Role Policy', 'IAM', 'PutRolePolicy', () => iam.send(request));
  return `${RoleName}:${PolicyName}`;
}

/** `aws:budgets/budget:Budget`. */
export const budget: Kind = {
  takes: [
    ...['name', 'budgetType', 'timeUnit', 'limitAmount', 'limitUnit', 'costFilters.name', 'costFilters.values'],
    ...['notifications.notificationType', 'notifications.comparisonOperator', 'notifications.threshold'],
    ...['notifications.thresholdType', 'notifications.subscriberEmailAddresses'],
  ],
  replaces: ['name'],
  create: async (cloud, inputs) => ({ id: await createBudget(cloud, inputs), outputs: inputs }),
  updates: ['limitAmount', 'limitUnit', 'costFilters', 'notifications'],
  // moto has no UpdateBudget: another one of the same name comes to the same.
  update: async (cloud, id, inputs) => {
    await removeBudget(cloud, id);
    await createBudget(cloud, inputs);
    return inputs;
  },
  read: async ({ budgets, account }, id, state) => {
    const request = { AccountId: account, BudgetName: id.split(':')[1] };
    return (await unlessGone(budgets.send(new DescribeBudgetCommand(request)))) === undefined ? undefined : state;
  },
  delete: removeBudget,
};

async function createBudget({ budgets, account }: Cloud, inputs: Properties): Promise<string> {
  const request = new CreateBudgetCommand({
    AccountId: account,
    Budget: budgetOf(inputs),
    NotificationsWithSubscribers: list(inputs, 'notifications').map((notice) => ({
      Notification: {
        NotificationType: text(notice, 'notificationType') === 'ACTUAL' ? 'ACTUAL' : 'FORECASTED',
        ComparisonOperator: text(notice, 'comparisonOperator') as ComparisonOperator,
        Threshold: count(notice, 'threshold'),
        ThresholdType: text(notice, 'thresholdType') as ThresholdType,
      },
      Subscribers: texts(notice, 'subscriberEmailAddresses').map((Address) => ({
        SubscriptionType: 'EMAIL',
        Address,
      })),
    })),
  });
  await call('creating Budget', 'Budgets', 'CreateBudget', () => budgets.send(request));
  return `${account}:${text(inputs, 'name')}`;
}

async function removeBudget({ budgets, account }: Cloud, id: string): Promise<void> {
  const request = { AccountId: account, BudgetName: id.split(':')[1] };
  await unlessGone(
    call('deleting Budget', 'Budgets', 'DeleteBudget', () => budgets.send(new DeleteBudgetCommand(request))),
  );
}

function budgetOf(inputs: Properties) {
  const filters = list(inputs, 'costFilters').map((filter) => [text(filter, 'name'), texts(filter, 'values')] as const);
  return {
    BudgetName: text(inputs, 'name'),
    BudgetType: text(inputs, 'budgetType') as BudgetType,
    TimeUnit: text(inputs, 'timeUnit') as TimeUnit,
    BudgetLimit: { Amount: text(inputs, 'limitAmount'), Unit: text(inputs, 'limitUnit') },
    CostFilters: Object.fromEntries(filters),
  };
}
