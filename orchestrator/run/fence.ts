import type { Archive } from '../evidence/index.ts';
import type { Deps } from './step.ts';
import type { Vault } from './vault.ts';

/**
 * The same parts, each effect of which first asks whether the data directory is still this process's: one that slept while another took it
 * over mints, signs and uploads nothing any more. (The journal asks for itself, and everything that is made or sent is journalled right
 * before.) Ending and deleting need no leave: they are what the other does, too.
 */
export function withFence(deps: Deps): Deps {
  const { assertHeld, ca } = deps;
  const first =
    <A extends readonly unknown[], R>(effect: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      assertHeld();
      return effect(...args);
    };
  return {
    ...deps,
    ca: { ...ca, mint: first(ca.mint), mintAudit: first(ca.mintAudit) },
    vault: fencedVault(deps.vault, first),
  };
}

type First = <A extends readonly unknown[], R>(effect: (...args: A) => Promise<R>) => (...args: A) => Promise<R>;

function fencedVault(vault: Vault, first: First): Vault {
  const { evidenceSigner, receiptSigner } = vault;
  const fencedArchive = (archive: Archive): Archive => ({ ...archive, put: first(archive.put) });
  return {
    ...vault,
    evidenceSigner: { ...evidenceSigner, sign: first(evidenceSigner.sign) },
    receiptSigner: { ...receiptSigner, sign: first(receiptSigner.sign) },
    stamp: first(vault.stamp),
    open: async () => {
      const opened = await vault.open();
      return { ...opened, archive: fencedArchive(opened.archive) };
    },
  };
}
