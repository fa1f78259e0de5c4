// One linter for all that the browser runs: the SDK, the demo, the browser tests and their tools.
import js from "@eslint/js";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

const TYPESCRIPT = ["{sdk,demo}/{src,test}/**/*.ts"];
const JAVASCRIPT = ["**/*.js", "**/*.mjs"];

export default tseslint.config(
  { ignores: ["**/dist", "**/generated", "**/node_modules", "e2e/package/app"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: [...TYPESCRIPT, ...JAVASCRIPT],
    plugins: { "import-x": importX },
    settings: {
      "import-x/extensions": [".ts", ".js", ".mjs"],
      "import-x/parsers": { "@typescript-eslint/parser": [".ts"] },
      "import-x/resolver-next": [createNodeResolver({ extensions: [".ts", ".js", ".mjs"] })],
    },
    rules: {
      // Modules in a circle cannot be read, tested or loaded alone. Types may refer to each other.
      "import-x/no-cycle": ["error", { ignoreExternal: true }],
      eqeqeq: "error",
    },
  },
  {
    files: JAVASCRIPT,
    extends: [js.configs.recommended],
    rules: {
      // `tsc` checks these files as well, and knows what Node.js and browsers have.
      "no-undef": "off",
      "no-unused-vars": ["error", { args: "after-used", argsIgnorePattern: "^_" }],
    },
  },
  {
    files: TYPESCRIPT,
    extends: [
      js.configs.recommended,
      ...tseslint.configs.strictTypeChecked,
      ...tseslint.configs.stylisticTypeChecked,
    ],
    languageOptions: {
      parserOptions: {
        project: ["./sdk/tsconfig.test.json", "./demo/tsconfig.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      "@typescript-eslint/no-non-null-assertion": "error",
      // lib.dom promises more than every browser has.
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "no-console": "error",
      // node:test's `test` returns a promise that its runner awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", name: "test", package: "node:test" }] },
      ],
      "no-restricted-properties": [
        "error",
        {
          object: "performance",
          property: "timeOrigin",
          message:
            "Its clock stands still while the machine sleeps: the time of day is Date.now().",
        },
      ],
    },
  },
);
