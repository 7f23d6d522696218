import { InvalidArgumentError, Option } from 'commander';
import { EXPORT_FORMATS, type ExportFormat } from '../../../evidence/index.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import { renderArchived, renderCustody, renderEvidence, renderExport, renderHold } from '../render/evidence.ts';
import { type AddCommand, call } from './command.ts';

const RUN = 'run id, or the first digits of it';

/** `evidence ls`, `export`, `hold` and `custody`: what becomes of evidence after its run; the custody log keeps all of it. */
export const evidence: AddCommand = (program, door) => {
  const group = program.command('evidence').description('list, archive, export and hold evidence; who did so is kept');
  group
    .command('ls')
    .description('list the evidence of this data directory')
    .action(async () => {
      door.console.print(await call(door, 'evidence_ls', {}), renderEvidence);
    });
  group
    .command('archive')
    .description(
      'put evidence under lock that the archive did not take when its run ended: one run’s, or all that is owed',
    )
    .argument('[run]', RUN)
    .option('--pending', 'all that is owed (the default)')
    .action(async (run: string | undefined, { pending }: { pending?: true }) => {
      if (run !== undefined && pending === true)
        throw new InvalidArgumentError('expected a run or --pending, not both');
      const result = await call(door, 'evidence_archive', run === undefined ? {} : { run });
      door.console.print(result, renderArchived);
      door.end(result.evidence.every(({ did }) => did === 'archived') ? 0 : EXIT_CODES.unavailable.code);
    });
  group
    .command('export')
    .description('write a run’s evidence for other tools, secrets taken out: OCSF events or NDJSON records')
    .argument('<run>', RUN)
    .addOption(new Option('--format <format>', 'which').choices(EXPORT_FORMATS).default('ocsf'))
    .option('--out <file>', 'where to; otherwise exports/ in the data directory')
    .action(async (run: string, { format, out }: { format: ExportFormat; out?: string }) => {
      const args = { run, format, ...(out !== undefined && { out }) };
      door.console.print(await call(door, 'evidence_export', args), renderExport);
    });
  group
    .command('hold')
    .description('put a legal hold on a run’s objects in the archive: they stay whatever their retention says')
    .argument('<run>', RUN)
    .option('--release', 'take the hold off')
    .action(async (run: string, { release }: { release?: true }) => {
      door.console.print(await call(door, 'evidence_hold', { run, release: release === true }), renderHold);
    });
  group
    .command('custody')
    .description('show who read, verified, exported or held evidence, and whether that log is whole')
    .argument('[run]', RUN)
    .action(async (run: string | undefined) => {
      const result = await call(door, 'evidence_custody', run === undefined ? {} : { run });
      door.console.print(result, renderCustody);
      door.end(result.problem === null ? 0 : EXIT_CODES.not_verified.code);
    });
};
