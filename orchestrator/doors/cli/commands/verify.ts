import { EXIT_CODES } from '../exit-codes.ts';
import { renderVerification } from '../render/verification.ts';
import { type AddCommand, call } from './command.ts';

export const verify: AddCommand = (program, door) => {
  program
    .command('verify')
    .description('check the evidence of a run offline: nothing is asked of any server')
    .argument('<target>', 'run id (or its first digits), or the folder of a bundle')
    .option('--evidence-key <file>', 'trust only this evidence key (PEM) instead of this data directory’s')
    .option('--receipt-key <file>', 'trust only this receipt key (PEM) instead of this data directory’s')
    .option(
      '--tsa-ca <file>',
      'trust timestamps of these authorities (PEM certificates) instead of the configured ones',
    )
    .action(async (target: string, options: { evidenceKey?: string; receiptKey?: string; tsaCa?: string }) => {
      const result = await call(door, 'verify', {
        target,
        ...(options.evidenceKey !== undefined && { evidence_key: options.evidenceKey }),
        ...(options.receiptKey !== undefined && { receipt_key: options.receiptKey }),
        ...(options.tsaCa !== undefined && { tsa_ca: options.tsaCa }),
      });
      door.console.print(result, renderVerification);
      door.end(result.verdict === 'verified' ? 0 : EXIT_CODES.not_verified.code);
    });
};
