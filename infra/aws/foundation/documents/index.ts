import { bucketNames } from '../names.ts';
import { controlStatements } from './limits.ts';
import { document, type Place } from './statement.ts';

/** The service control policy for the account of an installation; the organization attaches it. `admin` deploys the foundation. */
export function controlPolicy(place: Place, admin: string): string {
  const { evidence: bucket } = bucketNames(place);
  return JSON.stringify(JSON.parse(document(controlStatements(place, { admin, bucket }))), undefined, 2);
}
