import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/*.cjs', 'eslint.config.js', 'dist/**', '.burnbag/**', 'node_modules/**'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }],
      'max-lines-per-function': ['error', { max: 50, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', 300],
      'no-restricted-syntax': [
        'error',
        {
          selector: "Property[key.name='shell']",
          message: 'Never a shell: spawn(program, args) with an array, an explicit environment and a deadline.',
        },
        {
          selector:
            "ImportDeclaration[source.value='node:child_process'] ImportSpecifier[imported.name=/^(exec|execSync)$/]",
          message: 'Never a shell: exec takes free text. Use execFile or spawn with an argument array.',
        },
      ],
    },
  },
  { files: ['**/*.test.ts'], rules: { 'max-lines-per-function': 'off' } },
);
