import { LockKeyError } from '../../core/errors.js';
import type { LockName } from '../../core/names.js';
import { kindOf } from '../../core/options.js';
import { compileTemplate, type KeyResolver, type TemplateContext } from '../../features/keys/key-template.js';
import { refuseForeignPlaceholders } from './foreign-placeholder.js';
import type { LockedKey } from './locked-decorator.js';

/** Makes the names of a call's locks from its arguments. Throws `LockKeyError` for what can be known without a call. */
export function compileKey(
  key: LockedKey | undefined,
  context: TemplateContext,
  decorator: string,
): (args: readonly unknown[]) => LockName {
  if (typeof key === 'function') return (args) => key(...args);
  if (typeof key === 'string') return compile(key, context);
  if (!Array.isArray(key) || key.length === 0 || !key.every((each) => typeof each === 'string')) {
    const problem =
      key === undefined ? 'has no key' : `has ${Array.isArray(key) ? 'an array' : kindOf(key)} as its key`;
    throw new LockKeyError(
      `${decorator} of ${context.method} ${problem}: write a template such as '${exampleFor(context)}', an array of them, ` +
        'or a function of the arguments. There is no default, since names of classes are neither unique nor stable over builds.',
    );
  }
  const templates = key.map((template) => compile(template, context));
  return (args) => templates.map((nameOf) => nameOf(args));
}

function compile(template: string, context: TemplateContext): KeyResolver {
  const resolver = compileTemplate(template, context);
  refuseForeignPlaceholders(template, context);
  return resolver;
}

function exampleFor({ method, parameters: [first = ''] }: TemplateContext): string {
  return first === '' || first.startsWith('...') ? method : `${method}:<${first}>`;
}
