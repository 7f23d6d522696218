import { DriverError, type DriverErrorCode } from '../../error.ts';

/** Translates what the AWS SDK threw; the only place that knows its errors. `what` completes "expected …". */
export function translateAws(error: unknown, what: string): DriverError {
  if (error instanceof DriverError) return error;
  const code = codeOf(error);
  const { driver, hint } = ROWS.find(({ codes }) => codes.test(code)) ?? UNKNOWN;
  const message = error instanceof Error ? error.message : String(error);
  return new DriverError(driver, { expected: what, got: `${code}: ${firstLine(message)}`, hint }, { cause: error });
}

/** Whether AWS says by id that there is no such thing: the only errors that count as absence. Malformed ids are no absence. */
export function isNotFound(error: unknown): boolean {
  return NOT_FOUND.has(codeOf(error));
}

/** Whether an error says that there is no room for this kind of machine in this zone now: another placement may have some. */
export function isCapacity(text: string): boolean {
  return CAPACITY.test(text);
}

/** The API's own name for an error; `e.name` in the SDK, a socket's code where no answer came. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  if ('Code' in error && typeof error.Code === 'string') return error.Code;
  if (error.name !== 'Error') return error.name;
  return 'code' in error && typeof error.code === 'string' ? error.code : 'Error';
}

/** Exact codes, one per kind of thing: an API that says anything else has not said "not found". */
const NOT_FOUND: ReadonlySet<string> = new Set([
  'InvalidInstanceID.NotFound',
  'InvalidVolume.NotFound',
  'InvalidNetworkInterfaceID.NotFound',
  'InvalidGroup.NotFound',
  'InvalidGroupId.NotFound',
  'InvalidSnapshot.NotFound',
  'InvalidKeyPair.NotFound',
  'InvalidAllocationID.NotFound',
  'InvalidAMIID.NotFound',
  'InvalidAMIID.Unavailable',
]);

const CAPACITY =
  /\b(InsufficientInstanceCapacity|InsufficientHostCapacity|InsufficientReservedInstanceCapacity|InsufficientCapacity|MaxSpotInstanceCountExceeded|SpotMaxPriceTooLow|InstanceLimitExceeded|VcpuLimitExceeded|InsufficientFreeAddressesInSubnet|Unsupported)\b/;

interface Row {
  readonly codes: RegExp;
  readonly driver: DriverErrorCode;
  readonly hint: string;
}

/** First row that fits. Names are those of the EC2 API's list of error codes and of the SDK. */
const ROWS: readonly Row[] = [
  {
    codes:
      /^(RequestLimitExceeded|Throttling.*|ThrottledException|TooManyRequestsException|SlowDown|LimitExceededException)$/,
    driver: 'throttled',
    hint: 'AWS slows this account down: try again later, or with fewer runs at a time',
  },
  {
    codes: CAPACITY,
    driver: 'no_capacity',
    hint: 'add another instance type or zone to aws.placements, or try again later',
  },
  {
    codes: /^(UnauthorizedOperation|AccessDenied(Exception)?|Client\.UnauthorizedOperation|OptInRequired)$/,
    driver: 'not_permitted',
    hint: 'docs/aws.md lists every call with the permission it needs; deploy the foundation again, or look at the SCP',
  },
  {
    codes:
      /^(AuthFailure|InvalidClientTokenId|ExpiredToken(Exception)?|RequestExpired|SignatureDoesNotMatch|UnrecognizedClientException|CredentialsProviderError)$/,
    driver: 'bad_credentials',
    hint: 'give the AWS SDK working credentials (environment, profile or role), and compare the clock',
  },
  {
    codes: /^(TimeoutError|AbortError|ECONN\w+|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT)$/,
    driver: 'aws_unreachable',
    hint: 'whether the call took effect is not known: it is looked for by tag and by id',
  },
  {
    codes:
      /^(ServiceUnavailable|Unavailable|InternalError|InternalFailure|InternalServiceException|ServerInternal|Error|SyntaxError)$/,
    driver: 'aws_unavailable',
    hint: 'AWS itself failed: try again later',
  },
];

const UNKNOWN: Omit<Row, 'codes'> = { driver: 'aws_refused', hint: 'the code is in the EC2 API reference' };

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.slice(0, 300) ?? '';
}
