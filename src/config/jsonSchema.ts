/** The JSON Schema of a config file, for editors and for telling which keys exist. */
import { z } from 'zod';
import { experimentSchema } from './schema.ts';

/**
 * Draft 2020-12. Nothing is required, because a file may extend another that has it; the whole is checked on loading.
 */
export function configJsonSchema(): Record<string, unknown> {
  const { $schema, properties, ...rest } = optional(z.toJSONSchema(experimentSchema, { io: 'input' })) as Record<
    string,
    unknown
  >;
  const path = { type: 'string', description: 'path of a config, relative to this file' };
  return {
    $schema,
    title: 'ranger21 experiment',
    ...rest,
    properties: { extends: { anyOf: [path, { type: 'array', items: path }] }, ...(properties as object) },
  };
}

/** A schema without `required`, without the bound every whole number has, and whose choices need no `name` to tell them apart. */
function optional(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(optional);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) => key !== 'required' && !(key === 'maximum' && value === Number.MAX_SAFE_INTEGER),
  );
  return Object.fromEntries(kept.map(([key, value]) => [key === 'oneOf' ? 'anyOf' : key, optional(value)]));
}

/** As the file `configs/schema.json` holds it. */
export const configJsonSchemaText = (): string => `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
