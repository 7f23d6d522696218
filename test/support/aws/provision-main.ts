import type { AwsDriverOptions } from '../../../infra/aws/options.ts';
import { createAwsDriver } from '../../../infra/index.ts';
import { requestOf } from '../../contract/driver/request.ts';

/** A process that provisions one run and is expected to be killed meanwhile. Its manifest goes nowhere: it is lost with it. */
const { runId, options } = JSON.parse(process.argv[2] ?? '') as { runId: string; options: AwsDriverOptions };
const observer = { record: () => Promise.resolve(), event: () => undefined, progress: () => undefined };
await createAwsDriver(options).provision(requestOf(runId), observer, new AbortController().signal);
