/** The processes that had a run, and whether the last of them still has it. */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readWithinSync } from '../data/boundedFile.ts';
import { attemptFiles, runFiles } from './layout.ts';
import { fromJson } from './metrics.ts';
import { hostHash, processStart } from './process.ts';
import { mismatch, type Shape } from './shape.ts';
import { endedShape, leaseShape } from './shapes.ts';

const longestRecord = 2 ** 20;

/** The content of `lease.json`; its file's modification time is the heartbeat. */
export interface LeaseRecord {
  readonly schema: 1;
  readonly pid: number;
  /** Tells this process from a later one with the same id. */
  readonly processStart: string;
  /** Hash of the machine the id is counted on. */
  readonly host: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
}

/** The content of `ended.json`. */
export interface Ended {
  readonly schema: 1;
  readonly status: 'finished' | 'interrupted' | 'failed';
  readonly reason: string;
  /** Steps the run had behind it. */
  readonly step: number;
  /** Steps this attempt made of them. */
  readonly stepsHere: number;
  /** ISO 8601, UTC. */
  readonly endedAt: string;
}

export interface Attempt {
  readonly number: number;
  /** Undefined where the file is missing or was altered: nobody's. */
  readonly lease?: LeaseRecord;
  readonly ended?: Ended;
  readonly heartbeatAt: number;
  readonly isAlive: boolean;
}

/** After so long without a heartbeat, a process of another machine counts as dead. */
export const HEARTBEAT_LIMIT_MS = 120_000;

export const attemptDir = (dir: string, attempt: number): string => join(dir, runFiles.attempts, String(attempt));

/** The highest number in `attempts/`, 0 where there is none. */
export function attemptCount(dir: string): number {
  const folder = join(dir, runFiles.attempts);
  if (!existsSync(folder) || !lstatSync(folder).isDirectory()) return 0;
  return Math.max(0, ...readdirSync(folder).map(Number).filter(Number.isInteger));
}

/** The attempt with the highest number: whoever has that one has the run. */
export function lastAttempt(dir: string): Attempt | undefined {
  const number = attemptCount(dir);
  if (number === 0) return undefined;
  const folder = attemptDir(dir, number);
  const lease = record<LeaseRecord>(join(folder, attemptFiles.lease), leaseShape);
  const ended = record<Ended>(join(folder, attemptFiles.ended), endedShape);
  const heartbeatAt = lstatSync(join(folder, attemptFiles.lease), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const isAlive = lease !== undefined && !existsSync(join(folder, attemptFiles.ended)) && lives(lease, heartbeatAt);
  return { number, ...(lease && { lease }), ...(ended && { ended }), heartbeatAt, isAlive };
}

const lives = ({ host, pid, processStart: started }: LeaseRecord, heartbeatAt: number): boolean =>
  host === hostHash() ? processStart(pid) === started : Date.now() - heartbeatAt < HEARTBEAT_LIMIT_MS;

/** Whether another process is training the run now. */
export const isTaken = (dir: string): boolean => lastAttempt(dir)?.isAlive ?? false;

function record<T extends object>(path: string, shape: Shape): T | undefined {
  const { bytes } = readWithinSync(path, longestRecord);
  try {
    const value = bytes && fromJson(bytes.toString());
    return mismatch(value, shape) === undefined ? (value as T) : undefined;
  } catch {
    return undefined; // a power cut may leave it empty; who wrote it is gone then
  }
}
