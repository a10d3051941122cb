/**
 * Pictures of digits, made up: strokes of a pen whose points are moved, under a random affine map, with a random pen and
 * contrast, other marks at the edge, and noise. The same seed gives the same pictures.
 */

import { GLYPHS, type Point, type Stroke } from './glyphs';

/** Height and width of a picture. */
export const SIZE = 28;

/** Pictures and what they show. */
export interface Digits {
  /** `[count, 1, SIZE, SIZE]`, 0 to 255. */
  readonly pixels: Uint8Array;
  readonly labels: readonly number[];
}

/** mulberry32: 32 bits of state, which is enough here. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [low, high). */
  uniform(low = 0, high = 1): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return low + ((high - low) * ((t ^ (t >>> 14)) >>> 0)) / 2 ** 32;
  }

  /** Standard normal (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  below(count: number): number {
    return Math.floor(this.uniform(0, count));
  }
}

/** Straight pieces between two points of a curve. */
const PIECES = 5;

/** Points of the curve of Catmull and Rom, which passes all given ones. */
function smoothed(points: readonly Point[]): Point[] {
  const at = (i: number) => points[Math.min(Math.max(i, 0), points.length - 1)] as Point;
  const made: Point[] = [at(0)];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let k = 1; k <= PIECES; k++) {
      const t = k / PIECES;
      const along = (axis: 0 | 1) =>
        b[axis] +
        (t / 2) *
          (c[axis] -
            a[axis] +
            t *
              (2 * a[axis] -
                5 * b[axis] +
                4 * c[axis] -
                d[axis] +
                t * (3 * (b[axis] - c[axis]) + d[axis] - a[axis])));
      made.push([along(0), along(1)]);
    }
  }
  return made;
}

/** A map of the unit square into the picture: rotated, sheared, scaled and moved about its middle. */
function randomMap(random: Random): (p: Point) => Point {
  const angle = 0.22 * random.normal();
  const shear = 0.18 * random.normal();
  const [sx, sy] = [random.uniform(0.5, 0.95), random.uniform(0.6, 0.98)].map((s) => s * SIZE);
  const [dx, dy] = [random.uniform(-3, 3), random.uniform(-3, 3)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return ([x, y]) => {
    const u = (x - 0.5 + shear * (y - 0.5)) * (sx as number);
    const v = (y - 0.5) * (sy as number);
    return [SIZE / 2 + dx + cos * u - sin * v, SIZE / 2 + dy + sin * u + cos * v];
  };
}

/** The pen's points in the picture, each moved a little first. */
function written(stroke: Stroke, map: (p: Point) => Point, random: Random): Point[] {
  const moved = stroke.points.map(
    ([x, y]): Point => map([x + 0.025 * random.normal(), y + 0.025 * random.normal()]),
  );
  return stroke.smooth ? smoothed(moved) : moved;
}

/** A short line that begins near the edge: part of what stands beside the digit. */
function mark(random: Random): Point[] {
  const angle = random.uniform(0, 2 * Math.PI);
  const radius = random.uniform(0.5, 0.6) * SIZE;
  const [x, y] = [SIZE / 2 + radius * Math.cos(angle), SIZE / 2 + radius * Math.sin(angle)];
  return [
    [x, y],
    [x + random.uniform(-9, 9), y + random.uniform(-9, 9)],
  ];
}

/** Squared distance of the point x, y from the line between two points. */
function squaredDistance(x: number, y: number, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length > 0 ? ((x - ax) * dx + (y - ay) * dy) / length : 0;
  const t = Math.min(1, Math.max(0, along));
  return (x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2;
}

/** Darkens the pixels within `radius` of a line; `ink` holds values from 0 to 1. */
function draw(ink: Float64Array, points: readonly Point[], radius: number): void {
  const reach = radius + 1;
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i] as Point, points[i + 1] as Point];
    const range = (axis: 0 | 1) => [
      Math.max(0, Math.floor(Math.min(a[axis], b[axis]) - reach)),
      Math.min(SIZE - 1, Math.ceil(Math.max(a[axis], b[axis]) + reach)),
    ];
    const [[left = 0, right = 0], [top = 0, bottom = 0]] = [range(0), range(1)];
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const distance = Math.sqrt(squaredDistance(x + 0.5, y + 0.5, a, b));
        const value = Math.min(1, Math.max(0, radius + 0.5 - distance));
        const at = y * SIZE + x;
        if (value > (ink[at] as number)) ink[at] = value;
      }
    }
  }
}

function picture(digit: number, random: Random, pixels: Uint8Array): void {
  const ways = GLYPHS[digit] ?? [];
  const map = randomMap(random);
  const ink = new Float64Array(SIZE * SIZE);
  const radius = random.uniform(0.5, 1.9);
  for (const stroke of ways[random.below(ways.length)] ?? []) {
    draw(ink, written(stroke, map, random), radius);
  }
  for (let marks = random.below(3); marks > 0; marks--) draw(ink, mark(random), radius);
  const paper = random.uniform(0, 60);
  const contrast = random.uniform(70, 195);
  const noise = random.uniform(5, 45);
  for (let i = 0; i < ink.length; i++) {
    const value = paper + contrast * (ink[i] as number) + noise * random.normal();
    pixels[i] = Math.round(Math.min(255, Math.max(0, value)));
  }
}

/** `count` pictures of digits from 0 to 9, which are equally likely. */
export function makeDigits(count: number, seed: number): Digits {
  const random = new Random(seed);
  const pixels = new Uint8Array(count * SIZE * SIZE);
  const labels = Array.from({ length: count }, (_, i) => {
    const digit = random.below(GLYPHS.length);
    picture(digit, random, pixels.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE));
    return digit;
  });
  return { pixels, labels };
}
