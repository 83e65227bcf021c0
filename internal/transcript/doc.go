// Package transcript has what readers and writers of transcription files share with their
// callers: the export formats, the limits of an import, the reason for a refusal, and the
// forms of a language and a time. Package read reads files, package write writes them.
package transcript
