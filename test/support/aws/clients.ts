/** What an AWS client of a test is made with: moto's or the proxy's endpoint, keys that mean account 123456789012, and bounds on every wait. */
export function clientOptions(endpoint: string, region = REGION) {
  return {
    endpoint,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  };
}

/** Where tests live. */
export const REGION = 'eu-central-1';
/** Whose account moto takes the test keys for. */
export const ACCOUNT = '123456789012';
