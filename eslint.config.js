import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const tensorLibraries = ['@tensorflow/*', 'onnxruntime-node', 'onnxruntime-common'];
const onlyTensor = { group: tensorLibraries, message: 'only src/tensor does' };
const noRandom = {
  object: 'Math',
  property: 'random',
  message: 'draw from src/random.ts: a seed is an argument',
};
const noEnvironment = {
  object: 'process',
  property: 'env',
  message: 'read src/environment.ts: an empty variable is unset',
};

export default defineConfig(
  { ignores: ['dist', 'node_modules', 'runs', 'coverage', 'test/fixtures'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-properties': ['error', noRandom],
    },
  },
  {
    files: ['src/**'],
    ignores: ['src/tensor/**', 'src/index.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [onlyTensor, { group: ['koffi'], message: 'calls C' }] }],
    },
  },
  {
    files: ['src/**'],
    ignores: [
      'src/environment.ts',
      'src/config/load.ts', // hands all of it to the references of a config, where an empty one is unset too
      'src/cli/strictOptions.ts', // removes what is empty, for commander
      'src/tensor/backends/tensorflow/runtime.ts', // writes
    ],
    rules: { 'no-restricted-properties': ['error', noRandom, noEnvironment] },
  },
  {
    files: ['src/data/images/turboJpeg.ts'], // calls a decoder
    rules: { 'no-restricted-imports': ['error', { patterns: [onlyTensor] }] },
  },
);
