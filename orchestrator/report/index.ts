/** What a detonated script did, read out of the evidence and shown. */
export { buildReport, type ReportSources, type ScriptAnswer } from './build-report.ts';
export { renderOutput } from './render-output.ts';
export { renderReport, type RenderOptions, summarizeReport } from './render-report.ts';
export { Report } from './report.ts';
export { buildTimeline, TIMELINE_FILE, writeTimeline } from './timeline/build-timeline.ts';
export { Timeline } from './timeline/entry.ts';
export { renderCapture } from './timeline/render-capture.ts';
export { renderTimeline } from './timeline/render-timeline.ts';
