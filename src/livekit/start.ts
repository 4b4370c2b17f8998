// A start order as LiveKit's own request. Each type takes the call that LiveKit has for it; `template` and `media` are the
// second generation's. Every file goes below the start's own folder, every object and every webhook carries the start's id.
// The S3 keys are in the request and nowhere else: LiveKit hides them in what it echoes.
import {
  AudioCodec,
  DirectFileOutput,
  EncodedFileOutput,
  EncodedFileType,
  EncodingOptions,
  EncodingOptionsPreset,
  FileOutput,
  ImageOutput,
  Output,
  S3Upload,
  SegmentedFileOutput,
  StartEgressRequest,
  StorageConfig,
  StreamOutput,
  StreamProtocol,
  VideoCodec,
  WebhookConfig,
} from 'livekit-server-sdk'
import type { EgressClient, EgressInfo, EncodedOutputs } from 'livekit-server-sdk'
import { fileTypeOf, startPaths } from '../recording/start.ts'
import type { StartOrder, StartPaths } from '../recording/start.ts'

/** All that a start needs besides the order. */
export interface StartContext {
  startId: string
  tempPrefix: string
  /** `null`: the egress service has settings of its own. */
  upload: Upload | null
  /** Where LiveKit tells of this egress besides its own webhooks; `null` when it could not reach us. */
  webhook: { url: string; signingKey: string } | null
}

/** Where to upload, and with which keys. */
export interface Upload {
  endpoint: string
  region: string
  bucket: string
  forcePathStyle: boolean
  accessKey: string
  secret: string
  sessionToken?: string
}

/** The name under which every object carries the id of its start. */
export const startMark = 'roomtape-start'

/** Asks LiveKit to start. Once: whoever repeats it may have two egresses. */
export async function sendStart(
  client: EgressClient,
  order: StartOrder,
  context: StartContext,
): Promise<EgressInfo> {
  const paths = startPaths(order, context.tempPrefix, context.startId)
  const webhooks = context.webhook === null ? [] : [new WebhookConfig(context.webhook)]
  const { roomName = '', audioOnly = false, videoOnly = false } = order
  const encodingOptions = encodingOf(order)
  const options = { webhooks, ...(encodingOptions === undefined ? {} : { encodingOptions }) }
  const outputs = (): EncodedOutputs => outputsOf(order, paths, uploadOf(context))
  switch (order.type) {
    case 'room_composite': {
      const { layout = '', customBaseUrl = '' } = order
      const more = { ...options, layout, audioOnly, videoOnly, customBaseUrl }
      return client.startRoomCompositeEgress(roomName, outputs(), more)
    }
    case 'web':
      return client.startWebEgress(order.url ?? '', outputs(), { ...options, audioOnly, videoOnly })
    case 'participant':
      return client.startParticipantEgress(roomName, order.identity ?? '', outputs(), options)
    case 'track_composite': {
      const { audioTrackId = '', videoTrackId = '' } = order
      const more = { ...options, audioTrackId, videoTrackId }
      return client.startTrackCompositeEgress(roomName, outputs(), more)
    }
    case 'track':
      return client.startTrackEgress(
        roomName,
        trackOutput(order, paths, uploadOf(context)),
        order.trackId ?? '',
        webhooks,
      )
    case 'template':
    case 'media':
      return client.startEgress(
        new StartEgressRequest({
          roomName,
          source: order.type === 'template' ? templateOf(order) : mediaOf(order),
          ...(encodingOptions === undefined ? {} : { encoding: encodingChoice(encodingOptions) }),
          outputs: outputList(order, paths),
          ...storageOf(uploadOf(context)),
          webhooks,
        }),
      )
    default:
      return order.type satisfies never
  }
}

function uploadOf({ upload, startId }: StartContext): S3Upload | null {
  return upload === null ? null : new S3Upload({ ...upload, metadata: { [startMark]: startId } })
}

function encodingOf({
  preset,
  encoding,
}: StartOrder): EncodingOptionsPreset | EncodingOptions | undefined {
  if (preset !== undefined) return EncodingOptionsPreset[preset]
  if (encoding === undefined) return undefined
  const { audioCodec, videoCodec, ...numbers } = encoding
  return new EncodingOptions({
    ...defined(numbers),
    ...(audioCodec === undefined ? {} : { audioCodec: AudioCodec[audioCodec] }),
    ...(videoCodec === undefined ? {} : { videoCodec: VideoCodec[videoCodec] }),
  })
}

/** The outputs of the first generation's requests, each with its own storage. */
function outputsOf(order: StartOrder, paths: StartPaths, upload: S3Upload | null): EncodedOutputs {
  const output = upload === null ? {} : { output: { case: 's3' as const, value: upload } }
  const { file, segments, images } = configs(order, paths)
  return {
    ...(file === null ? {} : { file: new EncodedFileOutput({ ...file, ...output }) }),
    ...(segments === null ? {} : { segments: new SegmentedFileOutput({ ...segments, ...output }) }),
    ...(images === null ? {} : { images: new ImageOutput({ ...images, ...output }) }),
    ...(order.streams === undefined ? {} : { stream: streamOf(order.streams.urls) }),
  }
}

/** The same for the second generation, which has one storage for all of them. */
function outputList(order: StartOrder, paths: StartPaths): Output[] {
  const { file, segments, images } = configs(order, paths)
  return [
    file === null ? null : { case: 'file' as const, value: new FileOutput(file) },
    segments === null
      ? null
      : { case: 'segments' as const, value: new SegmentedFileOutput(segments) },
    images === null ? null : { case: 'images' as const, value: new ImageOutput(images) },
    order.streams === undefined
      ? null
      : { case: 'stream' as const, value: streamOf(order.streams.urls) },
  ]
    .filter((config) => config !== null)
    .map((config) => new Output({ config }))
}

function storageOf(upload: S3Upload | null): { storage?: StorageConfig } {
  return upload === null
    ? {}
    : { storage: new StorageConfig({ provider: { case: 's3', value: upload } }) }
}

function configs(order: StartOrder, paths: StartPaths) {
  const disableManifest = order.disableManifest ?? false
  const { segments, images } = order
  return {
    file:
      paths.file === null
        ? null
        : {
            fileType: EncodedFileType[fileTypeOf(order)],
            filepath: paths.file,
            disableManifest,
          },
    segments:
      paths.playlist === null
        ? null
        : {
            filenamePrefix: paths.segments ?? '',
            playlistName: paths.playlist,
            livePlaylistName: paths.livePlaylist ?? '',
            segmentDuration: segments?.segmentDurationSeconds ?? 0,
            disableManifest,
          },
    images:
      paths.images === null
        ? null
        : {
            filenamePrefix: paths.images,
            captureInterval: images?.intervalSeconds ?? 0,
            width: images?.width ?? 0,
            height: images?.height ?? 0,
            disableManifest,
          },
  }
}

function trackOutput(
  { disableManifest = false }: StartOrder,
  paths: StartPaths,
  upload: S3Upload | null,
): DirectFileOutput {
  return new DirectFileOutput({
    filepath: paths.file ?? '',
    disableManifest,
    ...(upload === null ? {} : { output: { case: 's3' as const, value: upload } }),
  })
}

function streamOf(urls: string[]): StreamOutput {
  const isSrt = urls.every((url) => url.toLowerCase().startsWith('srt:'))
  return new StreamOutput({ urls, protocol: isSrt ? StreamProtocol.SRT : StreamProtocol.RTMP })
}

function templateOf({
  layout = '',
  audioOnly = false,
  videoOnly = false,
  customBaseUrl = '',
}: StartOrder) {
  return { case: 'template' as const, value: { layout, audioOnly, videoOnly, customBaseUrl } }
}

/** Video of one track or of one participant; audio of one track, of that participant, or of the whole room. */
function mediaOf({ identity, videoTrackId, audioTrackId, audioOnly, videoOnly }: StartOrder) {
  const video =
    audioOnly === true
      ? {}
      : videoTrackId !== undefined
        ? { video: { case: 'videoTrackId' as const, value: videoTrackId } }
        : identity !== undefined
          ? { video: { case: 'participantVideo' as const, value: { identity } } }
          : {}
  return {
    case: 'media' as const,
    value: { ...video, ...(videoOnly === true ? {} : { audio: audioOf(audioTrackId, identity) }) },
  }
}

function audioOf(trackId: string | undefined, identity: string | undefined) {
  if (trackId !== undefined) {
    return { routes: [{ match: { case: 'trackId' as const, value: trackId } }] }
  }
  return identity === undefined
    ? { captureAll: true }
    : { routes: [{ match: { case: 'participantIdentity' as const, value: identity } }] }
}

function encodingChoice(encoding: EncodingOptionsPreset | EncodingOptions) {
  return typeof encoding === 'number'
    ? { case: 'preset' as const, value: encoding }
    : { case: 'advanced' as const, value: encoding }
}

function defined(numbers: Record<string, number | undefined>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(numbers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  )
}
