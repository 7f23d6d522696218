import type { Kinds } from './kind.ts';
import { budget, policy, role, rolePolicy } from './resources/account.ts';
import {
  bucket,
  bucketEncryption,
  bucketLock,
  bucketOwnership,
  bucketPolicy,
  bucketPublicAccess,
  bucketVersioning,
} from './resources/buckets.ts';
import { instance } from './resources/instance.ts';
import { vpcEndpoint } from './resources/endpoint.ts';
import { networkInterface } from './resources/interface.ts';
import { alias, key } from './resources/keys.ts';
import { peering, subnet, vpc } from './resources/network.ts';
import { networkAcl, routeTable, routeTableAssociation } from './resources/routing.ts';
import { defaultSecurityGroup, securityGroup } from './resources/security-group.ts';
import { trail } from './resources/trail.ts';

/** Every resource type the fake has. */
export const KINDS: Kinds = {
  'aws:budgets/budget:Budget': budget,
  'aws:cloudtrail/trail:Trail': trail,
  'aws:ec2/defaultSecurityGroup:DefaultSecurityGroup': defaultSecurityGroup,
  'aws:ec2/instance:Instance': instance,
  'aws:ec2/networkAcl:NetworkAcl': networkAcl,
  'aws:ec2/networkInterface:NetworkInterface': networkInterface,
  'aws:ec2/routeTable:RouteTable': routeTable,
  'aws:ec2/routeTableAssociation:RouteTableAssociation': routeTableAssociation,
  'aws:ec2/securityGroup:SecurityGroup': securityGroup,
  'aws:ec2/subnet:Subnet': subnet,
  'aws:ec2/vpc:Vpc': vpc,
  'aws:ec2/vpcEndpoint:VpcEndpoint': vpcEndpoint,
  'aws:ec2/vpcPeeringConnection:VpcPeeringConnection': peering,
  'aws:iam/policy:Policy': policy,
  'aws:iam/role:Role': role,
  'aws:iam/rolePolicy:RolePolicy': rolePolicy,
  'aws:kms/alias:Alias': alias,
  'aws:kms/key:Key': key,
  'aws:s3/bucket:Bucket': bucket,
  'aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration': bucketLock,
  'aws:s3/bucketOwnershipControls:BucketOwnershipControls': bucketOwnership,
  'aws:s3/bucketPolicy:BucketPolicy': bucketPolicy,
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': bucketPublicAccess,
  'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration': bucketEncryption,
  'aws:s3/bucketVersioning:BucketVersioning': bucketVersioning,
};
