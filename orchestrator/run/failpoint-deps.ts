import type { ConcreteId } from '../../infra/driver.ts';
import type { Archive } from '../evidence/index.ts';
import type { Failpoints, FailpointName } from './failpoint.ts';
import type { ActionState, Journal } from './journal/index.ts';
import type { RunState } from './lifecycle.ts';
import type { Deps } from './step.ts';
import type { Vault } from './vault.ts';

/** The same parts with a failpoint around each effect of a run. Only ever used with a test's rig. */
export function withFailpoints(deps: Deps, { around }: Failpoints): Deps {
  const { ca, driver } = deps;
  return {
    ...deps,
    journal: journalWith(deps.journal, around),
    ca: { ...ca, mint: (request) => around('keys', () => ca.mint(request)) },
    driver: { ...driver, inventory: (runId) => around('sweep_clean', () => driver.inventory(runId)) },
    vault: vaultWith(deps.vault, around),
  };
}

type Around = Failpoints['around'];

const BY_STATE: Partial<Record<RunState, FailpointName>> = {
  provisioning: 'lease',
  ready: 'host_key',
  executing: 'connected',
  destroying: 'destroy_journalled',
  destroyed: 'closed',
};

const BY_ACTION: Record<ActionState, FailpointName> = {
  journalled: 'action_journalled',
  sent: 'action_sent',
  answered: 'answer_stored',
};

function journalWith(journal: Journal, around: Around): Journal {
  const at = <T>(step: FailpointName | undefined, work: () => Promise<T>): Promise<T> =>
    step === undefined ? work() : around(step, work);
  const stepOf = ({ kind, detail }: ConcreteId): FailpointName | undefined =>
    kind === 'process' && 'pid' in detail ? 'id_stored' : undefined;
  return {
    ...journal,
    createRun: (asked) => around('request_stored', () => journal.createRun(asked)),
    moveRun: (run, to, move) => at(BY_STATE[to], () => journal.moveRun(run, to, move)),
    recordId: (runId, id) => at(stepOf(id), () => journal.recordId(runId, id)),
    recordCertificate: (runId, certificate) =>
      around('serial_stored', () => journal.recordCertificate(runId, certificate)),
    // The script's own: it is the action whose effect nobody wants twice.
    recordAction: (runId, step) =>
      at(step.action === 'run_script' ? BY_ACTION[step.state] : undefined, () => journal.recordAction(runId, step)),
  };
}

function vaultWith(vault: Vault, around: Around): Vault {
  const { evidenceSigner, receiptSigner } = vault;
  return {
    ...vault,
    evidenceSigner: {
      ...evidenceSigner,
      sign: (...signed) => around('evidence_signed', () => evidenceSigner.sign(...signed)),
    },
    receiptSigner: {
      ...receiptSigner,
      sign: (...signed) => around('receipt_signed', () => receiptSigner.sign(...signed)),
    },
    open: async () => {
      const opened = await vault.open();
      return { ...opened, archive: archiveWith(opened.archive, around) };
    },
  };
}

function archiveWith(archive: Archive, around: Around): Archive {
  const stepOf = (key: string): FailpointName => (key.endsWith('/receipt.dsse.json') ? 'archived' : 'chunk_uploaded');
  return { ...archive, put: (key, source, lock) => around(stepOf(key), () => archive.put(key, source, lock)) };
}
