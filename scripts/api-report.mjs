// Compares the public API of the build with api/*.api.md; with --update it writes those reports.
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = fileURLToPath(new URL('..', import.meta.url));
const update = process.argv.includes('--update');
const entries = {
  'nestjs-lock': 'dist/esm/index.d.ts',
  jobs: 'dist/esm/jobs.d.ts',
  'web-locks': 'dist/esm/web-locks.d.ts',
  opentelemetry: 'dist/esm/opentelemetry.d.ts',
  prometheus: 'dist/esm/prometheus.d.ts',
  terminus: 'dist/esm/terminus.d.ts',
  testing: 'dist/esm/testing/index.d.ts',
};

function report(name, entry) {
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: `${root}package.json`,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: `${root}${entry}`,
      compiler: { tsconfigFilePath: `${root}tsconfig.build.json` },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: `${root}api`,
        reportTempFolder: `${root}temp`,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        extractorMessageReporting: {
          default: { logLevel: 'error' },
          'ae-missing-release-tag': { logLevel: 'none' },
          'ae-forgotten-export': { logLevel: 'none', addToApiReportFile: true },
          'ae-undocumented': { logLevel: 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
  });
  return Extractor.invoke(config, { localBuild: update, messageCallback: quiet });
}

/** api-extractor greets, and advises a newer compiler; errors stay. */
function quiet(message) {
  if (message.logLevel !== 'error') message.handled = true;
}

mkdirSync(`${root}api`, { recursive: true });
let failed = false;
for (const [name, entry] of Object.entries(entries)) {
  if (!existsSync(`${root}${entry}`)) throw new Error(`${entry} is missing: run \`npm run build\` first.`);
  const { apiReportChanged, errorCount } = report(name, entry);
  const stale = apiReportChanged && !update;
  if (stale)
    console.error(`api/${name}.api.md is stale: run \`npm run api\` and read the difference before you commit it.`);
  failed ||= stale || errorCount > 0;
}
if (failed) process.exit(1);
console.log(`API reports ${update ? 'written' : 'match'}: ${Object.keys(entries).join(', ')}.`);
