import pickle,time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from benchmarks.data import videos
from ruler.config import load_settings
from ruler.pipeline import *
from ruler.pipeline.detecting import geometry_of
from ruler.pipeline import inducing
from ruler.progress import NoProgress
from ruler.rules.table import tabulate
S=load_settings(None,{'video':{'frame_rate':10}})
def one(a):
    import cv2; cv2.setNumThreads(1)
    s,g=a
    with Watch(s,S,g) as w: return s.name,tabulate(w.observations(),(w.info.width,w.info.height))
if __name__=='__main__':
    tr=gather(videos('ped2','training'),settings=S)[0]; te=gather(videos('ped2','testing'),settings=S)[0]
    g=inducing._survey(tr,S,NoProgress()); print(g)
    import sys
    if len(sys.argv)>2: 
        from ruler.perception.motion import SceneGeometry
        g=SceneGeometry(*[float(v) for v in sys.argv[2:5]])
    t=time.time()
    with ProcessPoolExecutor(2,mp_context=get_context('spawn')) as ex: R=list(ex.map(one,[(s,g) for s in tr+te]))
    print('fps 2 procs',3510/(time.time()-t))
    pickle.dump((dict(R[:len(tr)]),dict(R[len(tr):])),open(sys.argv[1],'wb'))
