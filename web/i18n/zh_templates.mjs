// Texts of the templates in Chinese (simplified), by the English text.

/** Titles of nodes, groups and subgraphs, and the lines of notes, of the templates. All are unique in Chinese:
 * they are translated back to English, too.
 * @type {Record<string, string>} */
export const TEMPLATES = {
  "**Add an object.** Press Run: a chair is put into the sample's world, lit by its panorama, with its shadow. Drag it in *Place Object in World* with the gizmo and run again, or place it by relation to an instance.":
    "**添加物体**。点击运行：一把椅子被放入示例世界，由其全景图照亮，并带阴影。用操纵柄在*在世界中放置物体*里拖动它并再次运行，或按与某个实例的关系放置。",
  "*Load Object* takes GLB files of your own; objects of Hunyuan3D, TRELLIS.2, SAM 3D Objects or TripoSplat can be linked to *object* instead.":
    "*加载物体*可读取自己的 GLB 文件；也可以把 Hunyuan3D、TRELLIS.2、SAM 3D Objects 或 TripoSplat 的物体连接到*物体*。",
  "**Remove an object.** Press Run: a pot of the sample's terrace is selected and erased; what it hid is continued from around it. Drag the line in *Walk here* to compare. Select something else with the tools in *Select in World*, and run again.":
    "**移除物体**。点击运行：示例露台上的一个花盆被选中并擦除；它遮住的部分由周围延续而成。拖动*在此漫游*中的分界线进行比较。用*选择世界内容*中的工具选择其他内容，然后再次运行。",
  "Where surfaces cannot be guessed, *edit_world* sends the place through FLUX.1 Fill.":
    "在无法推测表面之处，*edit_world* 会让该处经过 FLUX.1 Fill。",
  "**Edit a world with an image model.** A pot is erased, FLUX.1 Fill paints the place as you say, and the result goes back into the splats of that place alone. Any edit model or paint program can stand between *Erase Object* and *Edit World*; give *Edit World* depth of the edited view for new shapes.":
    "**用图像模型编辑世界**。一个花盆被擦除，FLUX.1 Fill 按你的描述绘制该处，结果只写回该处的泼溅。*擦除物体*和*编辑世界*之间可以放任何编辑模型或绘画程序；若要新的形状，请给*编辑世界*编辑后视图的深度。",
  "**Restyle a world.** Press Run: the views that cover the world get an evening's light, and its splats take the colors that the views agree on. Shapes stay. Drag the line in *Walk here* to compare.":
    "**改变世界的风格**。点击运行：覆盖世界的视图换上傍晚的光，泼溅取各视图一致的颜色。形状不变。拖动*在此漫游*中的分界线进行比较。",
  "Choose another style in *Stylize Images*, give it a picture to take the palette from, or put an edit model between *World Views* and *Restyle World*: *depth_map* and *normals* are for ControlNet.":
    "在*图像风格化*中选择其他风格，给它一张图片以取其调色板，或在*世界视图*和*世界风格重绘*之间放一个编辑模型：*depth_map* 和 *normals* 供 ControlNet 使用。",
  "**Relight a world.** Press Run: the panorama's sun is found, and the world is shown in the light of another hour, with shadows of its own surfaces. Drag the line in *Walk here* to compare.":
    "**重新照亮世界**。点击运行：找到全景图的太阳，并以另一时刻的光显示世界，带有其自身表面的阴影。拖动*在此漫游*中的分界线进行比较。",
  "Set *hour*; below the horizon it is night, and *lamps* shine. *fog* hides what is far. The environment map is saved as EXR or HDR for Blender and game engines.":
    "设置*时刻*；太阳在地平线以下时是夜晚，*灯*会亮起。*雾*遮住远处。环境贴图保存为 EXR 或 HDR，供 Blender 和游戏引擎使用。",
  "**A living world.** Press Run: clouds drift and the fountain falls, in a loop of six seconds that plays in *Walk here* and in the saved HTML page. *Render Splats* films it.":
    "**鲜活的世界**。点击运行：云在飘动，喷泉落下，六秒一循环，在*在此漫游*和保存的 HTML 页面中播放。*渲染泼溅*将其拍成视频。",
  "More *Animate World* nodes add wind in the trees, ripples on water, flickering lamps, or an object on a path: by class, by instance (*Select in World*) or by masks.":
    "更多*世界动画*节点可添加树间的风、水面波纹、闪烁的灯或沿路径运动的物体：按类别、按实例（*选择世界内容*）或按遮罩。",
  "1 World": "1 世界",
  "2 Light and object": "2 光照与物体",
  "3 Place": "3 放置",
  "2 Select": "2 选择",
  "3 Erase": "3 擦除",
  "The place now": "此处现状",
  "2 Models": "2 模型文件",
  "3 Select and erase": "3 选择并擦除",
  "4 Paint": "4 绘制",
  "The place, painted": "绘制后的此处",
  "5 Edit and walk": "5 编辑并漫游",
  "2 Views": "2 视图",
  "Views in their new look": "新外观的视图",
  "3 Restyle": "3 改变风格",
  "2 Light": "2 光照",
  "3 Walk": "3 漫游",
  "2 Motion": "2 运动",
  "4 Film and save": "4 拍摄并保存",
  "**Text to world with small models.** The whole graph on any machine: the models come with this pack. A sentence becomes a panorama (FLUX), a panoramic video (Wan 2.1 I2V) and splats (reconstruction model).":
    "**用小模型从文本到世界**。整个流程可在任何机器上运行：模型随本插件附带。一句话先变成全景（FLUX），再变成全景视频（Wan 2.1 I2V）和泼溅（重建模型）。",
  "**Instant world.** Press Run: the shipped sample is split into sky, background and foreground, each completed behind the nearer ones, and becomes splats in seconds. Then click into *Walk here* and take a step or two.":
    "**即时世界**。点击运行：自带的示例会被分为天空、背景和前景，每一层都在更近的层后面补全，几秒内变成泼溅。然后点击*在此漫游*，走上一两步。",
  "To let an inpainting model complete the layers, inpaint *images* of *Panorama Layers* where *filled* is 1 and give the result to *Layers to Splats*. Masks of your own (SAM 3) go into *foreground*.":
    "若要由修复模型补全各层，请在*填补区域*为 1 处修复*全景分层*的*图像*，并将结果交给*分层转泼溅*。自己的遮罩（SAM 3）接入*前景*。",
  "2 Layers": "2 分层",
  "3 Splats": "3 泼溅",
  "4 Walk": "4 漫游",
  "Layers": "分层",
  "They learned from procedural scenes only: squares, streets, rooms, forests and the like. For released models choose those in the loaders, and put *CLIP Text Encode* and *CLIP Vision Encode* in place of the *Mini* nodes.":
    "它们只学过程序生成的场景：广场、街道、房间、森林等。若要使用已发布的模型，请在加载器中选择它们，并用 *CLIP 文本编码*和 *CLIP 视觉编码*替换*迷你*节点。",
  "1 Models of the panorama": "1 全景用的模型",
  "2 Panorama": "2 全景",
  "3 Depth and guidance": "3 深度与引导",
  "4 Models of the video": "4 视频用的模型",
  "5 Video": "5 视频",
  "6 Splats": "6 泼溅",
  "7 Walk": "7 漫游",
  "Nothing": "空提示",
  "VAE of both": "两者的 VAE",
  "**Photo to world, without a generative model.** Choose a photo and press Run. *Photo to Panorama Geometry* estimates its depth with DINOv2-small and this pack's own head, and continues it around: ground, sky or ceiling, blurred surroundings. What was filled in is marked *unobserved* (*Provenance* in the viewer).":
    "**不用生成模型，从照片到世界**。选择一张照片并点击运行。*照片转全景几何*用 DINOv2-small 和本插件自带的深度头估计其深度，并向四周延续：地面、天空或天花板、模糊的环境。填补的部分标记为*未观测*（查看器中的*来源*）。",
  "The field of view comes from the file's EXIF tags, else it is estimated: set it in *Load Photo* if you know it. For detail all around outpaint the photo with *photo_to_panorama* instead.":
    "视场角取自文件的 EXIF 标签，否则为估计值：如果你知道，请在*加载照片*中设置。若要四周都有细节，请改用 *photo_to_panorama* 对照片进行外绘。",
  "The model is called *model.safetensors* on its page and may keep that name.":
    "模型文件在其页面上名为 *model.safetensors*，可以保留该文件名。",
  "Camera and scale": "相机与尺度",
  "1 Photo and depth":
    "1 照片与深度",
  "Read me": "请先阅读",
  "Walk here": "在此漫游",
  "New viewpoint": "从那里继续",
  "Walk on": "继续漫游",
  "Last frame": "末帧",
  "Filled guidance": "填补后的引导",
  "First frame": "第一帧",
  "Sampled video": "采样结果",
  "Decoded splats": "模型生成结果",
  "Decoded depth": "测得的距离",
  "Fast: walk here": "快速：在此漫游",
  "Fine: walk here": "精细：在此漫游",
  "FLUX: the models": "FLUX：模型",
  "1 Generate the panorama": "1 绘制全景图",
  "2 Estimate its depth": "2 测量其距离",
  "3 Choose a path": "3 选择轨迹",
  "Wan: the models": "Wan：模型",
  "4 Generate the video": "4 拍摄视频",
  "5 Fit the splats": "5 拟合泼溅",
  "The panorama": "所得全景图",
  "1 Panorama and depth": "1 全景图与深度",
  "2 First segment": "2 第一段",
  "3 Next segment (runs after Extend from here)": "3 下一段（按下“从此处扩展”前处于休眠）",
  "2 Camera path": "2 相机轨迹",
  "3 Guidance frames and fill": "3 引导帧与填补",
  "4 Gaussian splats": "4 高斯泼溅",
  "5 Walk": "5 漫游",
  "6 Save": "6 保存",
  "5 Walk and save": "5 漫游与保存",
  "Panorama and depth": "全景图与深度",
  "Path and guidance": "轨迹与引导",
  "Video models": "视频模型",
  Words: "文字",
  Sample: "采样",
  "Composite known pixels, save": "放回真实纹素并保存",
  "Fast: one pass": "快速：一次通过",
  "Fine: fitted": "精细：拟合",
  World: "世界",
  "1 Models": "1 模型",
  "2 Prompt and photo": "2 文字与照片",
  "3 Sample and decode circularly": "3 采样并闭合环",
  "4 Blend photo back in, measure, save": "4 放回照片、测量、保存",
  "2 Prompt": "2 文字",
  "4 Measure and save": "4 测量并保存",
  "4 Face forward, measure, save": "4 面向前方、测量、保存",
  "Your sentence": "您的句子",
  "Steps to a world": "通往世界的步骤",
  "Models for the panorama": "全景图模型",
  "Decode circularly, face forward": "闭合环，面向前方",
  Panorama: "全景图",
  Geometry: "几何",
  Path: "轨迹",
  "Guidance frames": "引导帧",
  "Models for the video": "视频所用模型",
  "Prompt and CLIP vision": "文字与视觉",
  Splats: "泼溅",
  "**Extend a world.** Press Run: the sample becomes a world. Walk in *Walk here* to the new viewpoint, and press *Extend from here* (X, the arrow up out of the line). That enables the second half: it renders a panorama there, proposes a path to unobserved space, inpaints it and fits it into the same world, which opens in *Walk on*. Press *Extend from here* there, and another segment is added below.":
    "**扩展世界**。点击运行：示例将变成一个世界。在*在此漫游*中走到想要继续的地方，按*从此处扩展*（X，线上的向上箭头）。这会唤醒后半部分：它从那里环顾，提出一条通往未见之处的轨迹，填补并拟合到同一个世界，该世界在*继续漫游*中打开。在那里再按*从此处扩展*，下方会再添加一段。",
  "*Inpaint Guidance* only extends the background; a video model (see the other templates) generates new content.":
    "*全景填补*只延续已知内容；视频模型（见其他模板）则会生成新内容。",
  "**Panorama to world with MoGe depth.** The panorama's geometry comes from core's *Load MoGe Model*; without a GPU start ComfyUI with `--fp32-text-enc`, or it fails in half precision. Everything else is as in *panorama_to_world*.":
    "**用 MoGe 深度从全景图到世界**。全景图的几何来自内置的*加载 MoGe 模型*；没有 GPU 时请用 `--fp32-text-enc` 启动 ComfyUI，否则半精度会失败。其余与 *panorama_to_world* 相同。",
  "Files, and where they go:": "所需文件及存放位置：",
  "Older front ends offer no `.ckpt` and `.pt` files: fetch those by hand.": "较旧的前端不提供 `.ckpt` 和 `.pt` 文件：请手动下载。",
  "**Panorama to world, feed-forward.** As *panorama_to_video*, then the reconstruction model decodes the video's latent to splats in one pass; `matrix3d convert-lrm` makes a smaller file of it.":
    "**前馈式从全景图到世界**。与 *panorama_to_video* 相同，然后重建模型一次将视频潜空间变为泼溅；`matrix3d convert-lrm` 可将其转换为更小的文件。",
  "The model expects a geometric mean distance of 1, which *PanoDepth* gives here, and 480x960 video. *Fine* refines its splats with a few hundred optimizer steps.":
    "该模型适用于典型距离为 1 的世界，此处由*全景深度*给出。它只用 480x960 的视频生成世界。*精细*在此基础上再拟合几百步。",
  "**Panorama to panoramic video.** Wan 2.1 I2V 14B (480p) with the panorama video LoRA follows the camera path through the scene's mesh. Where the mesh shows the panorama, its original pixels are composited back at full resolution. Upstream's settings: 81 frames of 960x480, 50 Euler steps, shift 5, CFG 5.":
    "**从全景图到全景视频**。Wan 2.1 I2V 14B（480p）配合全景视频 LoRA，沿相机轨迹穿过场景网格。网格显示真实全景图之处，会以全分辨率放回其纹素。原版设置：81 帧 960x480，50 步 Euler，shift 5，CFG 5。",
  "Describe your scene in *Panorama Prompt*.": "请在*全景提示词*中描述您的场景。",
  "**Panorama to world.** Press Run: the shipped sample becomes a world in a few minutes, without a GPU or a model. Then click into *Walk here* and use W A S D and the mouse.":
    "**从全景图到世界**。点击运行：自带示例几分钟内变成一个世界，无需 GPU 或模型。然后单击*在此漫游*，用 W A S D 和鼠标行走。",
  "For your own picture choose it in *Load Panorama* (2:1). Without a depth file the geometry is a ground-plane and sky-dome proxy; for real geometry use the MoGe template.":
    "要使用自己的图片，请在*加载全景图*中选择（2:1）。没有深度文件时以平坦地面和远处穹顶代替；如需真实几何，请使用 MoGe 模板。",
  "**Panorama to world through video.** As *panorama_to_video*, then Gaussian splats fitted to the video, and the walk.":
    "**经由视频从全景图到世界**。与 *panorama_to_video* 相同，然后对视频拟合高斯泼溅并漫游。",
  "**Photo to panorama.** The photo is projected to the sphere, FLUX.1 Fill outpaints the rest, and the original photo is blended back in. Set the photo's horizontal field of view in *Project*; with MoGe, link its geometry instead. Upstream's settings: 1600x800, 50 steps, guidance 30.":
    "**从照片到全景图**。照片被放到球面上，FLUX.1 Fill 绘制其余部分，最后放回照片自身的像素。请在投影节点中设置照片的水平视场角；使用 MoGe 时改为连接其几何。原版设置：1600x800，50 步，guidance 30。",
  "**Text to panorama.** FLUX.1 dev with the panorama LoRA, upstream's settings: 1024x512, 50 steps, guidance 7. *Load Panorama LoRA* rolls the latent between steps and *Panorama VAE Decode* is circular, so the left and right border match. *Level Panorama* rotates the scene to the front.":
    "**从文本到全景图**。FLUX.1 dev 配合全景 LoRA，原版设置：1024x512，50 步，guidance 7。*加载全景 LoRA* 在采样时转动潜空间，*全景 VAE 解码*闭合环，使左右边界相接。*校平全景*将场景转到正前方。",
  "Any FLUX.1 dev checkpoint works here, quantized ones too: swap the loader.": "任何 FLUX.1 dev 模型都可用，量化版亦可：更换加载器即可。",
  "**Text to world.** A sentence becomes a panorama (FLUX.1 dev), its geometry (MoGe), a video along a path (Wan 2.1 I2V) and a world to walk in. Write your sentence below.":
    "**从文本到世界**。一句话变成全景图（FLUX.1 dev）、其几何（MoGe）、沿轨迹的视频（Wan 2.1 I2V）以及可漫游的世界。请在下方写下您的句子。",
  "Open a step with its *Enter subgraph* button. Notes inside name the files that it needs.":
    "用*进入子图*按钮打开某一步。其中的注释列出所需文件。",
  "**Panorama to world with MoGe depth.** Needs a MoGe checkpoint in `models/geometry_estimation` (core's *Load MoGe Model*); without a GPU start ComfyUI with `--fp32-text-enc`, or it fails in half precision. Everything else is as in *panorama_to_world*.":
    "**用 MoGe 深度从全景图到世界**。需要 `models/geometry_estimation` 中的 MoGe 模型（内置的*加载 MoGe 模型*）；没有 GPU 时请用 `--fp32-text-enc` 启动 ComfyUI，否则半精度会失败。其余与 *panorama_to_world* 相同。",
  "**Panorama to world, feed-forward.** As *panorama_to_video*, then the reconstruction model decodes the video's latent to splats in one pass. Put `pano_lrm_480p.pt` into `models/matrix3d_lrm`; `matrix3d convert-lrm` makes a smaller file of it.":
    "**前馈式从全景图到世界**。与 *panorama_to_video* 相同，然后重建模型一次将视频潜空间变为泼溅。请将 `pano_lrm_480p.pt` 放入 `models/matrix3d_lrm`；`matrix3d convert-lrm` 可将其转换为更小的文件。",
  "**Text to world.** A sentence becomes a panorama (FLUX.1 dev), geometry (MoGe), a video along a path (Wan 2.1 I2V) and a world of Gaussian splats to walk in. Describe the scene in the first *Panorama Prompt*; both models hear it.":
    "**从文本到世界**。一句话变成全景图（FLUX.1 dev）、几何（MoGe）、沿轨迹的视频（Wan 2.1 I2V）以及可漫游的高斯泼溅世界。请在第一个*全景提示词*中描述场景；两个模型都会用到它。",
};
