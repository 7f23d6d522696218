import { vi } from 'vitest';
import { describeDriver } from './contract.ts';
import { makeAwsRig } from '../../support/aws/rig.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describeDriver('aws', makeAwsRig);
