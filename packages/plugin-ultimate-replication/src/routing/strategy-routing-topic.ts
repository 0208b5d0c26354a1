import { type Topic, topic } from '@datawarehouse/sdk';
import { z } from 'zod';

/** A change of the routes: of one route, of the default, or of both. */
export interface StrategyRoutingChange {
  readonly pattern?: string | undefined;
  /** Strategy of the pattern. */
  readonly strategy?: string | undefined;
  /** Takes the route of the pattern away. */
  readonly remove?: boolean | undefined;
  /** Strategy of names that no route fits. */
  readonly defaultStrategy?: string | undefined;
}

const changeSchema = z
  .strictObject({
    pattern: z.string().optional(),
    strategy: z.string().optional(),
    remove: z.boolean().optional(),
    defaultStrategy: z.string().optional(),
  })
  .refine(
    ({ pattern, strategy, remove, defaultStrategy }) =>
      pattern === undefined
        ? strategy === undefined && remove !== true && defaultStrategy !== undefined
        : (strategy !== undefined) !== (remove === true),
    'takes {pattern, strategy}, {pattern, remove: true} and/or {defaultStrategy}',
  );

/** Publish to it to change this node's routes. */
export const strategyRoutingTopic: Topic<StrategyRoutingChange> = topic(
  'dw.replication.strategy-routing',
  changeSchema,
);
