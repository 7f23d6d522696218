import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../programs.ts';

/** One source file, as it goes into the one file. */
export interface Module {
  /** From the root of the checkout. */
  readonly path: string;
  /** JavaScript without imports, exports and types; comments kept. */
  readonly code: string;
  /** Every name it declares at its top. */
  readonly names: readonly string[];
  /** What it takes from Node, by module. */
  readonly builtins: ReadonlyMap<string, readonly string[]>;
}

/** The module and all it reaches, what is used before what uses it. Throws where one imports what is installed, or renames. */
export function readModules(entry: string): readonly Module[] {
  const found = new Map<string, Module | undefined>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.set(file, undefined);
    const { module, imports } = readModule(file);
    for (const one of imports) visit(one);
    found.delete(file);
    found.set(file, module);
  };
  visit(entry);
  return [...found.values()].filter((module) => module !== undefined);
}

function readModule(file: string): { module: Module; imports: readonly string[] } {
  const text = readFileSync(file, 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const path = relative(ROOT, file);
  const imports: string[] = [];
  const builtins = new Map<string, readonly string[]>();
  for (const statement of source.statements.filter(ts.isImportDeclaration)) {
    const { from, names } = readImport(statement, path);
    if (names.length === 0) continue;
    if (from.startsWith('node:')) builtins.set(from, names);
    else if (from.startsWith('.')) imports.push(join(dirname(file), from));
    else throw new Error(`expected ${path} to import node: and its neighbours, got ${from}`);
  }
  return { module: { path, code: codeOf(source), names: source.statements.flatMap(namesOf), builtins }, imports };
}

/** What an import brings at run time: types are not among it. */
function readImport({ importClause, moduleSpecifier }: ts.ImportDeclaration, path: string) {
  const from = (moduleSpecifier as ts.StringLiteral).text;
  if (importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) return { from, names: [] };
  const bindings = importClause?.namedBindings;
  if (bindings === undefined || !ts.isNamedImports(bindings) || importClause?.name !== undefined)
    throw new Error(`expected ${path} to import ${from} by names`);
  const names = bindings.elements
    .filter(({ isTypeOnly }) => !isTypeOnly)
    .map(({ name, propertyName }) => {
      if (propertyName !== undefined) throw new Error(`expected ${path} not to rename what it imports from ${from}`);
      return name.text;
    });
  return { from, names };
}

/** Cuts imports, exports and the declarations of types out, with the comments that belong to these, then the types within the rest. */
function codeOf(source: ts.SourceFile): string {
  const { text } = source;
  let code = '';
  let at = 0;
  for (const statement of source.statements) {
    if (isTypeOrImport(statement)) {
      code += text.slice(at, statement.getFullStart());
      at = statement.end;
    } else {
      const exported = exportKeyword(statement);
      if (exported !== undefined) {
        code += text.slice(at, exported.getStart());
        at = exported.end;
      }
    }
  }
  return stripTypeScriptTypes(code + text.slice(at)).trim();
}

function isTypeOrImport(statement: ts.Statement): boolean {
  return (
    ts.isImportDeclaration(statement) || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)
  );
}

function exportKeyword(statement: ts.Statement): ts.Node | undefined {
  if (ts.isExportDeclaration(statement)) throw new Error('expected no re-export in the modules of the verifier');
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.find(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
}

function namesOf(statement: ts.Statement): readonly string[] {
  if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement))
    return statement.name === undefined ? [] : [statement.name.text];
  if (!ts.isVariableStatement(statement)) return [];
  return statement.declarationList.declarations.map(({ name }) => name.getText());
}
