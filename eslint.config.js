// @ts-check
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** @param {string} name @param {string} where */
const onlyIn = (name, where) => ({ name, allowTypeImports: true, message: `Only ${where} may import ${name}.` });
const dockerode = onlyIn("dockerode", "src/container/docker-client.ts");
const genericPool = onlyIn("generic-pool", "src/pool/stock.ts");

/** @param {{ name: string, message: string, allowTypeImports: boolean }[]} paths @returns {import("eslint").Linter.RulesRecord} */
const bans = (...paths) => ({ "@typescript-eslint/no-restricted-imports": ["error", { paths }] });

export default defineConfig(
  { ignores: ["dist/", "coverage/", "node_modules/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { allowDefaultCaseForExhaustiveSwitch: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // The compiler asks for the brackets (noPropertyAccessFromIndexSignature).
      "@typescript-eslint/dot-notation": "off",
      eqeqeq: "error",
      "no-control-regex": "error",
      "no-unsafe-finally": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Export by name, so that a thing has one name everywhere." },
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: "Settings come from src/config/load.ts.",
        },
        { selector: "TSEnumDeclaration", message: "Use a union made from one `as const` array." },
      ],
      ...bans(dockerode, genericPool),
    },
  },
  // It measures what users of the library get.
  { files: ["bench/lib/container-subjects.ts"], rules: bans(genericPool) },
  { files: ["src/pool/stock.ts"], rules: bans(dockerode) },
  {
    files: ["src/config/load.ts", "src/setup/**", "src/cli/**", "bench/**"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: ["test/**"],
    rules: {
      "@typescript-eslint/no-restricted-imports": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/explicit-module-boundary-types": "off",
      "no-restricted-syntax": "off",
    },
  },
  {
    files: ["**/*.config.ts"],
    rules: { "no-restricted-syntax": "off" },
    extends: [tseslint.configs.disableTypeChecked],
  },
  {
    files: ["**/*.js", "**/*.mjs"],
    extends: [tseslint.configs.strict],
    languageOptions: {
      globals: { process: "readonly", performance: "readonly", setInterval: "readonly", clearInterval: "readonly" },
    },
  },
  { files: ["src/web/public/*.js"], languageOptions: { globals: { document: "readonly", localStorage: "readonly" } } },
);
