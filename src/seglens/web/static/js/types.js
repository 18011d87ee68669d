/**
 * The words that page and server share. Pixels are the image's own; places are (y, x); runs are [start, length] over
 * row-major pixels.
 *
 * @typedef {[number, number][]} Runs
 * @typedef {{runs: Runs, box: [number, number, number, number], pixels: number}} Region
 * @typedef {{runs_by_class: [number, Runs][]}} MaskRuns
 * @typedef {"dense"|"dominant-class"|"class-set"|"point"|"verdict"|"mask"} Kind
 * @typedef {"answered"|"void"|"unsure"|"missing-class"|"skipped"} Status
 * @typedef {{index: number, name: string, color: [number, number, number], text?: string}} ClassRow
 * @typedef {{tool: string, runs: number[], corner?: Place}} Stroke  runs: flat quadruples start, length, before, after;
 *   corner: of a polygon, a step without runs
 *
 * @typedef {object} Draft
 * @property {number} revision strictly growing
 * @property {Stroke[]} strokes the undo history
 * @property {Stroke[]} [undone] what can be done again, the next one last
 * @property {{class: number, corners: Place[]}|null} [polygon] one that is not closed yet
 * @property {import("./naming.js").Steps|null} [steps] of classes and a point
 * @property {MaskRuns|null} mask
 * @property {number[]} classes
 * @property {[number, number]|null} point
 * @property {number} seconds
 * @property {number} clicks
 * @property {number} edits
 *
 * @typedef {object} Answer
 * @property {Status} status
 * @property {number[]} classes
 * @property {[number, number]|null} point
 * @property {MaskRuns|null} mask
 * @property {number} seconds
 * @property {number} clicks
 * @property {number} edits
 *
 * @typedef {object} Question
 * @property {string} id
 * @property {number} round
 * @property {string} image
 * @property {[number, number]} size
 * @property {Kind} kind
 * @property {string} why
 * @property {Region} region
 * @property {{classes: number[], confidence: number}|null} suggestion
 * @property {string[]} layers those that its image can have
 * @property {"label"|"audit"} purpose
 * @property {{seconds_left: number}} [claim]
 * @property {Draft|null} draft
 * @property {Answer|null} answer
 * @property {number} revision
 * @property {number} similar
 * @property {number} position in its round, from 0
 * @property {number} of
 *
 * @typedef {object} Run
 * @property {string} id drawn by chance, of this run alone
 * @property {string} name
 * @property {ClassRow[]} classes
 * @property {string[]} layers
 * @property {string[]} scales
 * @property {string[]} cut_out
 * @property {{unit: string, total: number|null}} goal
 *
 * @typedef {{y: number, x: number}} Place
 */
export {};
