"""The pairs whose numbers are recorded: every learner class, objective, engine, norm and place of U at least once.

A case is the words of a command line, on top of COMMON.
"""

COMMON = (
    "backbone.filters=4", "ssl.start=0", "ssl.ramp=0", "episode.way=3", "episode.queries=2",
    "episode.unlabelled=2", "episode.distractors=1", "episode.distractor_unlabelled=2", "engine=loop",
)  # fmt: skip

CASES: dict[str, tuple[str, ...]] = {
    # each learner
    "anil × entropy": ("model=anil", "ssl=entropy"),
    "baseline × consistency": ("model=baseline", "ssl=consistency", "model.test_steps=5"),
    "baseline_pp × pseudo_label": ("model=baseline_pp", "ssl=pseudo_label", "model.test_steps=5"),
    "boil × soft_kmeans": ("model=boil", "ssl=soft_kmeans"),
    "cavia × consistency": ("model=cavia", "ssl=consistency"),
    "cnaps × label_propagation": ("model=cnaps", "ssl=label_propagation"),
    "fomaml × learned_hparams": ("model=fomaml", "ssl=learned_hparams"),
    "hsml × soft_kmeans": ("model=hsml", "ssl=soft_kmeans"),
    "hypernet × descriptor": ("model=hypernet", "ssl=descriptor"),
    "imaml × learned_weights": ("model=imaml", "ssl=learned_weights"),
    "in_context × sinkhorn": ("model=in_context", "ssl=sinkhorn"),
    "leo × fixmatch": ("model=leo", "ssl=fixmatch"),
    "maml × consistency": ("model=maml", "ssl=consistency"),
    "maml × none": ("model=maml", "ssl=none"),
    "mamlpp × fixmatch free": ("model=mamlpp", "ssl=fixmatch", "ssl.objective.rule=free"),
    "mamlpp × entropy, averages": ("model=mamlpp", "ssl=entropy", "backbone.norm=per_step_running"),
    "matching × gmm": ("model=matching", "ssl=gmm"),
    "meta_lstm × pseudo_label_top_k": ("model=meta_lstm", "ssl=pseudo_label_top_k"),
    "meta_sgd × mixmatch": ("model=meta_sgd", "ssl=mixmatch"),
    "metaoptnet × poisson": ("model=metaoptnet", "ssl=poisson"),
    "mmaml × descriptor": ("model=mmaml", "ssl=descriptor"),
    "nearest_task × consistency": ("model=nearest_task", "ssl=consistency", "distance=learned"),
    "nearest_task × task2vec": ("model=nearest_task", "ssl=descriptor", "distance=task2vec"),
    "nearest_task × wasserstein": ("model=nearest_task", "ssl=descriptor", "distance=wasserstein"),
    "proto_maml × vat": ("model=proto_maml", "ssl=vat"),
    "protonet × soft_kmeans": ("model=protonet", "ssl=soft_kmeans"),
    "protonet × cluster": ("model=protonet", "ssl=soft_kmeans_cluster", "ssl.objective.iterations=2"),
    "protonet × masked": ("model=protonet", "ssl=masked_soft_kmeans"),
    "protonet × contrastive": ("model=protonet", "ssl=contrastive"),
    "protonet × mean_teacher": ("model=protonet", "ssl=mean_teacher"),
    "protonet × meta_pseudo_labels": ("model=protonet", "ssl=meta_pseudo_labels"),
    "r2d2 × pseudo_label_soft": ("model=r2d2", "ssl=pseudo_label_soft"),
    "relation × random_walk": ("model=relation", "ssl=random_walk"),
    "reptile × learned_critic": ("model=reptile", "ssl=learned_critic"),
    "starts × soft_kmeans": ("model=starts", "ssl=soft_kmeans"),
    "tpn × learned_weights": ("model=tpn", "ssl=learned_weights"),
    # objectives of gradient learners
    "maml × mean_teacher": ("model=maml", "ssl=mean_teacher"),
    "maml × ict": ("model=maml", "ssl=ict"),
    "maml × vae": ("model=maml", "ssl=vae"),
    "maml × rotation": ("model=maml", "ssl=rotation"),
    "maml × contrastive": ("model=maml", "ssl=contrastive"),
    "maml × reweight": ("model=maml", "ssl=reweight"),
    "maml × meta_pseudo_labels": ("model=maml", "ssl=meta_pseudo_labels"),
    "maml × fixmatch flex": ("model=maml", "ssl=fixmatch", "ssl.objective.rule=flex"),
    "maml × learned fixmatch": ("model=maml", "ssl=learned_hparams", "ssl@ssl.wrapped=fixmatch"),
    # places, schedules and policies
    "maml × both": ("model=maml", "ssl=soft_kmeans", "ssl.at=both", "ssl.step_schedule=ramp"),
    "protonet × both": ("model=protonet", "ssl=consistency", "ssl.at=both"),
    "baseline × both": ("model=baseline", "ssl=soft_kmeans", "ssl.at=both", "model.test_steps=5"),
    "maml × test": ("model=maml", "ssl=soft_kmeans", "ssl.at=test"),
    "reptile × outer": ("model=reptile", "ssl=entropy", "ssl.at=outer"),
    "maml × threshold": ("model=maml", "ssl=consistency", "ssl.distractors=threshold"),
    "protonet × mask": ("model=protonet", "ssl=soft_kmeans", "ssl.distractors=mask"),
    "maml × extra_class": ("model=maml", "ssl=pseudo_label", "ssl.distractors=extra_class"),
    "maml × gradient through labels": ("model=maml", "ssl=soft_kmeans", "ssl.stop_gradient=false"),
    # norms, padding and the statistics of S ∪ U
    "maml × support norm": ("model=maml", "ssl=soft_kmeans", "backbone.norm=support", "ssl.in_statistics=true"),
    "protonet × group norm": ("model=protonet", "ssl=soft_kmeans", "backbone.norm=group"),
    "protonet × batch norm": ("model=protonet", "ssl=sinkhorn", "backbone.norm=batch"),
    "maml × padded": ("model=maml", "ssl=soft_kmeans", "episode.way=[2,4]", "episode.shot=[1,2]"),
    "protonet × padded": ("model=protonet", "ssl=soft_kmeans", "episode.way=[2,4]", "episode.shot=[1,2]"),
    "protonet × resnet12": (
        "model=protonet", "ssl=soft_kmeans", "backbone=resnet12", "backbone.channels=[4,4,4,4]",
        "~backbone.filters",
    ),
    "maml × mlp": ("model=maml", "ssl=soft_kmeans", "backbone=mlp", "~backbone.filters"),
    # engines
    "maml × vmap": ("model=maml", "ssl=consistency", "engine=vmap"),
    "maml × threads": ("model=maml", "ssl=consistency", "engine=threads", "engine.workers=2"),
    "maml × threads of chunks": (
        "model=maml", "ssl=consistency", "engine=threads", "engine.workers=2", "engine.chunk=2",
    ),
    "protonet × vmap": ("model=protonet", "ssl=soft_kmeans", "backbone.norm=group", "engine=vmap"),
    "imaml × vmap": ("model=imaml", "ssl=soft_kmeans", "engine=vmap"),
    "reptile × threads": ("model=reptile", "ssl=consistency", "engine=threads", "engine.workers=2"),
}  # fmt: skip
