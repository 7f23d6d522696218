/** For `rewrite`: every instance that ended did so because EC2 wanted its spot capacity back. moto itself knows no reason but the caller. */
export function takenBack(action: string, text: string): string {
  return action === 'DescribeInstances' ? text.replaceAll(/<stateReason>.*?<\/stateReason>/gs, SPOT) : text;
}

const SPOT =
  '<stateReason><code>Server.SpotInstanceTermination</code><message>Spot instance termination</message></stateReason>';
