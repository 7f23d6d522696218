import type { Kinds } from './kind.ts';
import { instance } from './resources/instance.ts';
import { networkInterface } from './resources/interface.ts';
import { defaultSecurityGroup, securityGroup } from './resources/security-group.ts';

/** Every resource type the fake has. */
export const KINDS: Kinds = {
  'aws:ec2/instance:Instance': instance,
  'aws:ec2/networkInterface:NetworkInterface': networkInterface,
  'aws:ec2/securityGroup:SecurityGroup': securityGroup,
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup': defaultSecurityGroup,
};
